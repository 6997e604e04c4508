//! The plugin is part of the binary: a file more or less in its folder makes another one.

fn main() {
    println!("cargo::rerun-if-changed=../../plugin/Gancho");
    println!("cargo::rerun-if-changed=templates");
}
