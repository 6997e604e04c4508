//! Prints results.

/// A result with its target.
pub fn line(what: &str, figure: String, wanted: &str) {
    println!("{what:<52} {figure:>14}   {wanted}");
}

/// A heading.
pub fn heading(text: &str) {
    println!("\n{text}");
}
