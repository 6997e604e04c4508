//! Inside a crate, too, modules import in one direction: who reads one need not read all.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::{Item, UseTree};

use crate::tidy::{root, sources};

/// A module's place in its crate; the root's is empty.
type Module = Vec<String>;

/// The files of a crate, and what they import: names, and the modules these were found in.
struct Crate {
    modules: BTreeMap<Module, syn::File>,
    imports: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl Crate {
    fn read(folder: &Path) -> Self {
        let mut files = vec![];
        sources(folder, &mut files);
        let parse = |path: &PathBuf| syn::parse_file(&std::fs::read_to_string(path).expect("text")).expect("Rust");
        let modules = files.iter().map(|path| (module(folder, path), parse(path))).collect();
        let mut of_crate = Self { modules, imports: BTreeMap::new() };
        for (module, file) in &of_crate.modules {
            let mut found = BTreeMap::new();
            for item in &file.items {
                if let Item::Use(item) = item {
                    of_crate.names(module, vec![], &item.tree, &mut found);
                }
            }
            of_crate.imports.insert(module.clone(), found);
        }
        of_crate
    }

    fn names(&self, module: &Module, path: Vec<String>, tree: &UseTree, found: &mut BTreeMap<String, Module>) {
        match tree {
            UseTree::Path(part) => {
                self.names(module, [path, vec![part.ident.to_string()]].concat(), &part.tree, found);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.names(module, path.clone(), tree, found));
            }
            UseTree::Name(syn::UseName { ident }) | UseTree::Rename(syn::UseRename { ident, .. }) => {
                let whole = [path, vec![ident.to_string()]].concat();
                found.extend(self.place(module, &whole).map(|place| (ident.to_string(), place)));
            }
            UseTree::Glob(_) => found.extend(self.place(module, &path).map(|place| (path.join("::"), place))),
        }
    }

    /// The innermost module that a path leads through; nothing where it leads to another crate.
    fn place(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut place = module.clone();
        for (n, part) in path.iter().enumerate() {
            match part.as_str() {
                "crate" => place.clear(),
                "super" => drop(place.pop()),
                "self" => {}
                _ => {
                    place.push(part.clone());
                    if !self.modules.contains_key(&place) {
                        place.pop();
                        return (n > 0).then_some(place);
                    }
                }
            }
        }
        Some(place)
    }

    /// Where a name that is found in a module comes from.
    fn origin(&self, name: &str, mut place: Module) -> Module {
        for _ in 0..5 {
            match self.imports.get(&place).and_then(|imports| imports.get(name)) {
                Some(next) if *next != place => place = next.clone(),
                _ => break,
            }
        }
        place
    }

    /// Who imports whom. A module and those inside it are one thing, seen from both.
    fn edges(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let from = |(module, imports): (&'_ Module, &BTreeMap<String, Module>)| {
            let origins = imports.iter().map(|(name, place)| self.origin(name, place.clone()));
            origins.filter(|origin| !origin.starts_with(module) && !module.starts_with(origin)).collect()
        };
        self.imports.iter().map(|entry| (entry.0, from(entry))).collect()
    }
}

fn module(folder: &Path, path: &Path) -> Module {
    let inside = path.strip_prefix(folder).expect("inside").with_extension("");
    let mut parts: Module = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
    parts
}

/// What remains when those that import nothing that remains are taken away, again and again.
fn in_circles(mut edges: BTreeMap<&Module, BTreeSet<Module>>) -> Vec<&Module> {
    loop {
        let free: Vec<Module> = edges
            .iter()
            .filter(|(_, imports)| imports.iter().all(|import| !edges.contains_key(import)))
            .map(|(module, _)| (*module).clone())
            .collect();
        if free.is_empty() {
            return edges.into_keys().collect();
        }
        edges.retain(|module, _| !free.contains(module));
    }
}

#[test]
fn modules_import_in_one_direction() {
    let mut circles = vec![];
    for entry in std::fs::read_dir(root().join("crates")).expect("the crates") {
        let folder = entry.expect("an entry").path().join("src");
        let of_crate = Crate::read(&folder);
        assert!(!of_crate.modules.is_empty());
        let edges = of_crate.edges();
        for module in in_circles(edges.clone()) {
            circles.push(format!("{} {} imports {:?}", folder.display(), module.join("::"), edges[module]));
        }
    }
    assert!(circles.is_empty(), "in a circle, or importing one:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let module = |name: &str| vec![name.to_owned()];
    let (a, b, c, d) = (module("a"), module("b"), module("c"), module("d"));
    let edges = |last: &Module| {
        [(&a, [b.clone()].into()), (&b, [c.clone()].into()), (&c, [last.clone()].into()), (&d, BTreeSet::new())].into()
    };
    assert_eq!(in_circles(edges(&d)), Vec::<&Module>::new());
    assert_eq!(in_circles(edges(&b)), [&a, &b, &c]);
}
