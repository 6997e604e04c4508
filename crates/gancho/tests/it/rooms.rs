//! Who may import whom (ARCHITECTURE.md): nothing flows back up.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

#[test]
fn imports_go_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = [
        ("gancho-receiver", &[][..]),
        ("gancho-model", &["gancho-receiver"]),
        ("gancho-facturascripts", &["gancho-model"]),
        ("gancho-store", &["gancho-model"]),
        ("gancho-words", &["gancho-model"]),
        ("gancho-intake", &["gancho-model", "gancho-facturascripts", "gancho-store"]),
        (
            "gancho-source",
            &["gancho-model", "gancho-facturascripts", "gancho-store", "gancho-intake", "gancho-words", "gancho-trust"],
        ),
        ("gancho-trust", &[]),
        ("gancho-delivery", &["gancho-model", "gancho-store", "gancho-receiver", "gancho-trust"]),
        ("gancho-mail", &["gancho-model", "gancho-store", "gancho-words", "gancho-trust"]),
        (
            "gancho-web",
            &[
                "gancho-receiver",
                "gancho-model",
                "gancho-facturascripts",
                "gancho-store",
                "gancho-intake",
                "gancho-words",
            ],
        ),
        (
            "gancho",
            &[
                "gancho-receiver",
                "gancho-model",
                "gancho-facturascripts",
                "gancho-store",
                "gancho-words",
                "gancho-intake",
                "gancho-source",
                "gancho-delivery",
                "gancho-mail",
                "gancho-trust",
                "gancho-web",
            ],
        ),
        ("gancho-testkit", &["gancho-receiver", "gancho-model", "gancho-facturascripts", "gancho-store"]),
    ]
    .into();
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    assert_eq!(metadata.packages.len(), allowed.len());
    for package in &metadata.packages {
        let may = allowed[package.name.as_str()];
        for dependency in package.dependencies.iter().filter(|one| one.name.starts_with("gancho")) {
            let for_tests = dependency.kind == DependencyKind::Development;
            assert!(
                may.contains(&dependency.name.as_str()) || (for_tests && dependency.name == "gancho-testkit"),
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
