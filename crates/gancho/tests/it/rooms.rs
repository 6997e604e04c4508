//! Who may import whom (ARCHITECTURE.md): nothing flows back up.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Who may import whom: each room, and what stands before it.
const IMPORTS: &[(&str, &[&str])] = &[
    ("gancho-receiver", &[]),
    ("gancho-model", &["receiver"]),
    ("gancho-facturascripts", &["model"]),
    ("gancho-store", &["model"]),
    ("gancho-words", &["model"]),
    ("gancho-intake", &["model", "facturascripts", "store"]),
    ("gancho-service", &["model", "facturascripts", "store", "intake", "words"]),
    ("gancho-source", &["model", "facturascripts", "store", "intake", "service", "words", "trust"]),
    ("gancho-trust", &[]),
    ("gancho-delivery", &["model", "store", "receiver", "trust"]),
    ("gancho-mail", &["model", "store", "service", "words", "trust"]),
    ("gancho-web", &["receiver", "model", "facturascripts", "store", "intake", "service", "words"]),
    (
        "gancho",
        &[
            "receiver",
            "model",
            "facturascripts",
            "store",
            "words",
            "intake",
            "service",
            "source",
            "delivery",
            "mail",
            "trust",
            "web",
        ],
    ),
    ("gancho-testkit", &["receiver", "model", "facturascripts", "store"]),
];

#[test]
fn imports_go_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = IMPORTS.iter().copied().collect();
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    assert_eq!(metadata.packages.len(), allowed.len());
    for package in &metadata.packages {
        let may = allowed[package.name.as_str()];
        for dependency in package.dependencies.iter().filter(|one| one.name.starts_with("gancho")) {
            let for_tests = dependency.kind == DependencyKind::Development;
            assert!(
                may.iter().any(|room| dependency.name == format!("gancho-{room}"))
                    || (for_tests && dependency.name == "gancho-testkit"),
                "{} must not import {}",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn pure_rooms_have_no_runtime() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    for package in metadata.packages.iter().filter(|one| {
        ["gancho-receiver", "gancho-model", "gancho-facturascripts", "gancho-words"].contains(&one.name.as_str())
    }) {
        for dependency in package.dependencies.iter().filter(|one| one.kind == DependencyKind::Normal && !one.optional)
        {
            let banned = ["tokio", "sqlx", "rusqlite", "axum", "reqwest", "hyper"];
            assert!(!banned.contains(&dependency.name.as_str()), "{} must not use {}", package.name, dependency.name);
        }
    }
}
