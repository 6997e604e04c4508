//! The documents as the server renders them.

use gancho_words::Language;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::{address, draw::draw, list};

const LANGUAGES: [Language; 2] = [Language::En, Language::Es];
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

fn all() -> impl Iterator<Item = (&'static list::Guide, Language)> {
    list::GUIDES.iter().flat_map(|guide| LANGUAGES.map(|language| (guide, language)))
}

fn html(guide: &list::Guide, language: Language) -> String {
    draw(guide.text(language), |target| address("", target))
}

#[test]
fn every_file_is_a_document_and_has_a_title() {
    for (folder, language) in [("en", Language::En), ("es", Language::Es)] {
        for entry in std::fs::read_dir(format!("{DOCS}/{folder}")).expect("is there") {
            let file = entry.expect("read").file_name().into_string().expect("UTF-8");
            let guide = list::by_file(&file).unwrap_or_else(|| panic!("{folder}/{file} is in no list"));
            assert_eq!(guide.file(language), file, "{folder}/{file} stands for another language");
        }
    }
    for (guide, language) in all() {
        assert!(guide.text(language).starts_with("# "), "{} has no text", guide.file(language));
        assert!(!html(guide, language).contains(" style="), "{}: the pages allow no style", guide.file(language));
    }
}

/// Each link leads to an existing heading, a file for download, or a source file.
#[test]
fn links_lead_somewhere() {
    for (guide, language) in all() {
        let folder = if guide.written_in(language) == language && guide.file(language) != "performance.md" {
            language.as_str()
        } else {
            "."
        };
        let folder = if guide.file(language) == "facturascripts-operations.md" { "." } else { folder };
        for event in Parser::new_ext(guide.text(language), Options::ENABLE_TABLES) {
            let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
            if dest_url.starts_with("https://") {
                continue;
            }
            let (path, anchor) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
            let place = format!("{folder}/{} → {dest_url}", guide.file(language));
            let file = path.rsplit('/').next().unwrap_or_default();
            if !path.is_empty() {
                assert!(std::path::Path::new(&format!("{DOCS}/{folder}/{path}")).exists(), "{place}: no such file");
            }
            let target = if path.is_empty() { Some(guide) } else { list::by_file(file) };
            if let (Some(target), false) = (target, anchor.is_empty()) {
                let found = LANGUAGES.iter().any(|language| {
                    target.file(*language) == if path.is_empty() { guide.file(*language) } else { file }
                        && html(target, *language).contains(&format!(" id=\"{anchor}\""))
                });
                assert!(found, "{place}: no such heading");
            }
        }
    }
}

#[test]
fn what_is_drawn() {
    let drawn =
        draw("# A *b* `c`!\n\n[x](operate.md#y) [z](../../nowhere.rs)\n\n```sh\na <b>\n```\n\n# A b c\n", |to| {
            address("/base", to)
        });
    assert_eq!(
        drawn,
        "<h1 id=\"a-b-c\">A <em>b</em> <code>c</code>!</h1>\n\
         <p><a href=\"/base/docs/operate#y\">x</a> z</p>\n\
         <pre tabindex=\"0\"><code class=\"language-sh\">a &lt;b&gt;\n</code></pre>\n\
         <h1 id=\"a-b-c-1\">A b c</h1>\n"
    );
}
