//! What pages, mail and errors say: every text that the code asks for is there, and every text that is
//! there is asked for.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Texts whose names are put together: what stands before the part that varies.
const PUT_TOGETHER: &[&str] = &[
    "area-",
    "deed-",
    "done-",
    "error-kind-",
    "finding-",
    "first-",
    "hint-",
    "hours-",
    "bulk-button-",
    "bulk-hint-",
    "bulk-sure-",
    "encryption-",
    "field-",
    "kind-",
    "meaning-",
    "model-",
    "label-",
    "only-",
    "own-",
    "phase-",
    "reason-",
    "scope-",
    "settings-",
    "source-choice-",
    "source-intro-",
    "source-kind-",
    "state-",
    "tab-",
    "verb-",
    "waiting-",
    "why-",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn texts() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in ["pages", "errors", "events", "fields", "mail"] {
        let text =
            fs::read_to_string(root().join(format!("crates/words/locales/en/{file}.ftl"))).expect("a file of words");
        let named = text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
        names.extend(named.filter_map(|line| line.split_once(" =")).map(|(name, _)| name.to_owned()));
    }
    names
}

/// Everything that could name a text: quoted words of our code and templates.
fn quoted(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let is_ours = path.extension().is_some_and(|end| end == "rs" || end == "html");
        if path.is_dir() {
            quoted(&path, found);
        } else if is_ours && !path.ends_with("tests.rs") {
            found.push_str(&fs::read_to_string(&path).expect("text"));
        }
    }
}

#[test]
fn no_text_is_missing_and_none_is_left_over() {
    let (texts, mut code) = (texts(), String::new());
    for crate_name in ["web", "mail", "model", "service", "source", "store", "gancho", "words"] {
        quoted(&root().join("crates").join(crate_name).join("src"), &mut code);
    }
    quoted(&root().join("crates/web/templates"), &mut code);
    let asked = |start: &str, end: &str| -> BTreeSet<String> {
        let parts = code.split(start).skip(1);
        parts.filter_map(|part| part.split(end).next()).map(ToOwned::to_owned).collect()
    };
    let names = [
        asked("Message::new(\"", "\""),
        asked("context.t(\"", "\""),
        asked("context.n(\"", "\""),
        asked("words.get(\"", "\""),
    ];
    let missing: Vec<String> =
        names.into_iter().flatten().filter(|name| !name.contains('{') && !texts.contains(name)).collect();
    assert!(missing.is_empty(), "no text says {missing:?}");
    for part in code.split("context.field(form, ").skip(1) {
        let key = part.split('"').nth(3).expect("a field names its texts");
        assert!(texts.contains(&format!("label-{key}")), "no text says label-{key}");
    }
    let unused: Vec<&String> = texts
        .iter()
        .filter(|name| !PUT_TOGETHER.iter().any(|start| name.starts_with(start)))
        .filter(|name| !code.contains(&format!("\"{name}\"")))
        .collect();
    assert!(unused.is_empty(), "nobody says {unused:?}");
}

#[test]
fn every_type_of_the_catalogue_is_told_in_words() {
    let texts = texts();
    for known in gancho_facturascripts::event_types::all() {
        for name in [
            format!("model-{}", known.model.name),
            format!("verb-{}", known.spoken_verb()),
            format!("meaning-{}", known.verb),
        ] {
            assert!(texts.contains(&name), "no text says {name}");
        }
    }
}
