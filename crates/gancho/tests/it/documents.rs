//! The documents for users, as tests read them.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Waits until somebody accepts connections on this port of the machine.
pub(crate) async fn until_it_listens(port: u16) -> Result<(), tokio::time::error::Elapsed> {
    let is_up = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, is_up).await
}

/// A piece of code in a document.
pub(crate) struct Code {
    /// The document's path from the root.
    pub file: String,
    /// The language that a block says it is in; nothing for one that says none, and for code inside a sentence.
    pub language: String,
    pub is_block: bool,
    pub text: String,
}

/// All code of README.md and docs/, in their order.
pub(crate) fn codes() -> Vec<Code> {
    let mut files = vec!["README.md".to_owned()];
    for folder in ["docs/en", "docs/es"] {
        let entries = std::fs::read_dir(format!("{ROOT}/{folder}")).expect("is there");
        let names = entries.map(|entry| entry.expect("read").file_name().into_string().expect("UTF-8"));
        files.extend(names.map(|name| format!("{folder}/{name}")));
    }
    files.sort();
    files.iter().flat_map(|file| codes_of(file)).collect()
}

/// The code of one document.
pub(crate) fn codes_of(file: &str) -> Vec<Code> {
    let text = std::fs::read_to_string(format!("{ROOT}/{file}")).expect("is there");
    let mut codes = vec![];
    let mut block: Option<Code> = None;
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        let code = |language: String, is_block, text| Code { file: file.to_owned(), language, is_block, text };
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                block = Some(code(language.into_string(), true, String::new()));
            }
            Event::Text(text) => {
                if let Some(block) = &mut block {
                    block.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => codes.extend(block.take()),
            Event::Code(text) => codes.push(code(String::new(), false, text.replace('\n', " "))),
            _ => {}
        }
    }
    codes
}
