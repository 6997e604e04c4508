//! The house style that no tool checks.

use std::path::{Path, PathBuf};

use syn::{spanned::Spanned, visit::Visit};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 400;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

pub(crate) fn all_sources() -> Vec<(PathBuf, String)> {
    let mut found = vec![];
    sources(&root().join("crates"), &mut found);
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("text"))).collect()
}

struct Functions<'a> {
    path: &'a Path,
    long: Vec<String>,
}

impl Functions<'_> {
    fn check(&mut self, name: &syn::Ident, block: &syn::Block) {
        let lines = block.span().end().line - block.span().start().line + 1;
        if lines > FUNCTION_LINES_MAX {
            self.long.push(format!("{}: {name} has {lines} lines", self.path.display()));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.check(&item.sig.ident, &item.block);
        syn::visit::visit_item_fn(self, item);
    }
    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.check(&item.sig.ident, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn functions_and_files_are_short() {
    let mut long = vec![];
    let mut lengths = vec![];
    for (path, text) in all_sources() {
        let file = syn::parse_file(&text).expect("Rust");
        let mut functions = Functions { path: &path, long: vec![] };
        functions.visit_file(&file);
        long.extend(functions.long);
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX && !path.components().any(|part| part.as_os_str() == "tests") {
            long.push(format!("{} has {lines} lines", path.display()));
        }
        lengths.push(lines);
    }
    assert!(long.is_empty(), "too long:\n{}", long.join("\n"));
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 120, "the median file has {median} lines");
}

#[test]
fn nothing_is_left_behind() {
    let words = [
        "FIX".to_owned() + "ME",
        "TO".to_owned() + "DO",
        "#[ign".to_owned() + "ore",
        "todo".to_owned() + "!(",
        "unimplemented".to_owned() + "!(",
    ];
    for (path, text) in all_sources() {
        for word in &words {
            assert!(!text.contains(word.as_str()), "{} has {word}", path.display());
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(
            !["util", "utils", "helpers", "common", "misc"].contains(&name.as_str()),
            "{}: name it by what it is",
            path.display()
        );
    }
}

#[test]
fn every_crate_says_what_it_is() {
    for entry in std::fs::read_dir(root().join("crates")).expect("a folder") {
        let source = entry.expect("an entry").path().join("src");
        let top = ["lib.rs", "main.rs"]
            .map(|name| source.join(name))
            .into_iter()
            .find(|path| path.exists())
            .expect("a crate");
        let text = std::fs::read_to_string(&top).expect("text");
        assert!(text.starts_with("//! "), "{} begins without saying what it is", top.display());
    }
}

#[test]
fn the_documents_are_there_and_short() {
    for (name, most) in [
        ("README.md", 250),
        ("ARCHITECTURE.md", 150),
        ("CONTRIBUTING.md", 120),
        ("CHANGELOG.md", 500),
        ("SECURITY.md", 80),
    ] {
        let text = std::fs::read_to_string(root().join(name)).expect(name);
        let lines = text.lines().count();
        assert!((5..=most).contains(&lines), "{name} has {lines} lines");
    }
}

/// Settings are documented where people look for them.
#[test]
fn every_setting_is_documented() {
    let text = std::fs::read_to_string(root().join("docs/en/settings.md")).expect("docs/en/settings.md");
    let printed = std::process::Command::new(crate::BINARY).arg("config").output().expect("runs").stdout;
    for line in
        String::from_utf8(printed).expect("text").lines().filter(|line| !line.starts_with('#') && line.contains(" = "))
    {
        let name = line.split(' ').next().expect("a name");
        assert!(text.contains(&format!("`{name}`")), "{name} is missing in docs/en/settings.md");
    }
}

/// How often a name may be defined: one name, one meaning.
const DEFINITIONS_MAX: usize = 3;

/// Names of types and free functions of a file. Handlers have their noun from the folder they are in.
fn defined(path: &Path, text: &str) -> Vec<String> {
    let is_handler =
        ["web/src/api/", "web/src/ui/", "gancho/src/command/"].iter().any(|dir| path.to_string_lossy().contains(dir));
    let is_own = path.to_string_lossy().contains("/src/") && !path.to_string_lossy().contains("/testkit/");
    let file = syn::parse_file(text).expect("Rust");
    let name = |item: &syn::Item| match item {
        syn::Item::Struct(item) => Some(format!("type {}", item.ident)),
        syn::Item::Enum(item) => Some(format!("type {}", item.ident)),
        syn::Item::Trait(item) => Some(format!("type {}", item.ident)),
        syn::Item::Type(item) => Some(format!("type {}", item.ident)),
        syn::Item::Fn(item) if is_own && !is_handler => Some(format!("fn {}", item.sig.ident)),
        _ => None,
    };
    file.items.iter().filter_map(name).filter(|name| name != "fn main").collect()
}

#[test]
fn names_are_not_defined_again_and_again() {
    let mut places: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for (path, text) in all_sources() {
        for name in defined(&path, &text) {
            places.entry(name).or_default().push(path.display().to_string());
        }
    }
    // Two adapters of the same verbs define the same names, in files of the same name.
    for places in places.values_mut() {
        let same = |place: &str| place.replace("/store/src/postgres/", "/store/src/sqlite/");
        let mut known = std::collections::HashSet::new();
        places.retain(|place| known.insert(same(place)));
    }
    places.retain(|_, places| places.len() > DEFINITIONS_MAX);
    assert!(places.is_empty(), "give these their noun: {places:#?}");
}
