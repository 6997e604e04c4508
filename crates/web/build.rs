//! The plugin, the documents and what they offer are part of the binary: a file more or less makes another one.

fn main() {
    for folder in ["../../plugin/Gancho", "../../docs", "../../packaging", "../../examples", "templates"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
