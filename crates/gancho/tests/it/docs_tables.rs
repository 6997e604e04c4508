//! Tables in the documents that are made from the code.

use gancho_facturascripts::{
    catalogue::{Kind, MODELS},
    event_types,
};
use gancho_words::{Language, Words};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

fn types(words: &Words, head: &str) -> String {
    let mut table = format!("{head}\n|---|---|---|\n");
    for model in MODELS.iter().filter(|model| !model.noun.is_empty()) {
        let verbs = event_types::all().filter(|one| one.model.name == model.name);
        let verbs: Vec<String> = verbs.map(|one| format!("`{}`", one.verb)).collect();
        table.push_str(&format!("| {} | `{}` | {} |\n", words.noun(model.name), model.noun, verbs.join(" ")));
    }
    table
}

fn verbs(words: &Words, head: &str) -> String {
    let mut table = format!("{head}\n|---|---|\n");
    let mut seen = vec![];
    for one in event_types::all() {
        if !seen.contains(&one.verb) {
            seen.push(one.verb);
            table.push_str(&format!("| `{}` | {} |\n", one.verb, words.meaning(one.verb)));
        }
    }
    table
}

/// The text with what stands between `<!-- name -->` and `<!-- end -->` replaced.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let mark = format!("<!-- {name} -->\n");
    let (before, rest) = text.split_once(&mark).unwrap_or_else(|| panic!("no {mark}"));
    let (_, after) = rest.split_once("<!-- end -->").expect("an end");
    format!("{before}{mark}\n{table}\n<!-- end -->{after}")
}

#[test]
fn the_catalogue_is_the_codes() {
    let heads = [
        (Language::En, "en/events.md", "| in FacturaScripts | noun | verbs |", "| verb | meaning |"),
        (Language::Es, "es/eventos.md", "| en FacturaScripts | sustantivo | verbos |", "| verbo | qué significa |"),
    ];
    for (language, file, type_head, verb_head) in heads {
        let (path, words) = (format!("{DOCS}/{file}"), Words::new(language, "UTC"));
        let text = std::fs::read_to_string(&path).expect("is there");
        let fresh = with_table(&text, "types", &types(&words, type_head));
        let fresh = with_table(&fresh, "verbs", &verbs(&words, verb_head));
        if std::env::var_os("GANCHO_TEST_UPDATE").is_some() {
            std::fs::write(&path, &fresh).expect("written");
        }
        assert!(text == fresh, "{file} is stale: GANCHO_TEST_UPDATE=1 cargo test -p gancho --test it -- docs_tables");
    }
    assert!(MODELS.iter().any(|model| model.kind == Kind::Permission && model.noun.is_empty()));
}

/// The Spanish table names the same settings, with the same defaults, in the same order.
#[test]
fn settings_are_the_same_in_both_languages() {
    let rows = |file: &str| -> Vec<(String, String)> {
        let text = std::fs::read_to_string(format!("{DOCS}/{file}")).expect("is there");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
        let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
        let empty = |text: &str| if text.starts_with('`') { text.to_owned() } else { String::new() };
        cells.map(|cells| (cells[0].to_owned(), empty(cells[1]))).collect()
    };
    let english = rows("en/settings.md");
    assert!(english.len() > 30, "{english:?}");
    assert_eq!(english, rows("es/ajustes.md"));
}
