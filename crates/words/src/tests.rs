use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Pattern, PatternElement},
    parser,
};
use gancho_model::{Arg, Message, Timestamp};
use proptest::prelude::*;

use crate::{Language, Words, bundle::FILES};

fn words(language: Language) -> Words {
    Words::new(language, "Europe/Madrid")
}

/// The messages of a language with their arguments.
fn texts(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for (name, text) in FILES.iter().filter(|(of, _)| *of == language).flat_map(|(_, files)| files.iter()) {
        let read = parser::parse(*text).unwrap_or_else(|(_, errors)| panic!("{name} in {language:?}: {errors:?}"));
        for entry in read.body {
            let Entry::Message(message) = entry else { continue };
            let mut asks = BTreeSet::new();
            gather(message.value.as_ref().expect("a text"), &mut asks);
            let twice = found.insert(message.id.name.to_owned(), asks);
            assert!(twice.is_none(), "{} stands twice in {language:?}", message.id.name);
        }
    }
    found
}

fn gather(pattern: &Pattern<&str>, asks: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        let inline = match expression {
            Expression::Inline(inline) => inline,
            Expression::Select { selector, variants } => {
                variants.iter().for_each(|variant| gather(&variant.value, asks));
                selector
            }
        };
        if let InlineExpression::VariableReference { id } = inline {
            asks.insert(id.name.to_owned());
        }
    }
}

#[test]
fn both_languages_say_the_same() {
    let (es, en) = (texts(Language::Es), texts(Language::En));
    let names = |texts: &BTreeMap<String, BTreeSet<String>>| texts.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&es), names(&en));
    for (id, asks) in &es {
        assert_eq!(asks, &en[id], "{id} asks for other things in English");
    }
}

#[test]
fn a_cause_that_is_a_question_ends_its_sentence() {
    let why = Message::new("error-outbox").with("why", "x?.y");
    let warns = Message::new("source-warns-sentence").with("why", why).with("heard", "a?.b").with("span", "");
    let text = words(Language::Es).message(&warns);
    assert!(text.contains("de Gancho? Último") && text.contains("x?.y") && text.contains("a?.b"), "{text}");
}

#[test]
fn verbs_have_the_gender_of_their_nouns() {
    let said = |language, model, verb| format!("{} {}", words(language).noun(model), words(language).verb(model, verb));
    assert_eq!(said(Language::Es, "FacturaCliente", "paid"), "Factura de cliente cobrada");
    assert_eq!(said(Language::Es, "FacturaProveedor", "paid-by-us"), "Factura de proveedor pagada");
    assert_eq!(said(Language::Es, "PedidoCliente", "approved"), "Pedido de cliente aprobado");
    assert_eq!(said(Language::Es, "Stock", "low"), "Stock por debajo del mínimo");
    assert_eq!(said(Language::En, "FacturaCliente", "paid"), "Customer invoice paid");
}

#[test]
fn plurals_and_facts() {
    assert_eq!(words(Language::Es).count("items", 1), "1 elemento");
    assert_eq!(words(Language::En).count("items", 12_345), "12,345 items");
    let waiting = Message::new("health-waiting").with("count", 0);
    let message = Message::new("health-idle-sentence").with("waiting", waiting);
    assert_eq!(words(Language::Es).message(&message), "Aún no se ha enviado nada; nada en espera.");
    assert_eq!(words(Language::En).get("no-such-text"), "no-such-text");
    let told = Message::new("remote-error").with("spanish", "caída").with("english", "down");
    let said = [Language::Es, Language::En].map(|language| words(language).message(&told));
    assert_eq!(said, ["caída", "down"], "another node's sentence, in the reader's language");
    let given = [("span", Arg::from("3 <h>"))];
    assert_eq!(words(Language::En).with("time-ago", &given), "3 <h> ago", "nothing is added around what is put in");
}

#[test]
fn numbers_and_money() {
    let (es, en) = (words(Language::Es), words(Language::En));
    assert_eq!((es.number(1234), es.number(12_345), en.number(1234)), ("1234".into(), "12.345".into(), "1,234".into()));
    assert_eq!((es.number(-1_234_567), en.number(0)), ("-1.234.567".into(), "0".into()));
    assert_eq!(
        (es.money(12_345.5, "EUR"), en.money(12_345.5, "EUR")),
        ("12.345,50\u{a0}€".into(), "€12,345.50".into())
    );
    assert_eq!((es.money(-84.7, "MXN"), en.money(-84.7, "MXN")), ("-84,70\u{a0}MXN".into(), "-MXN\u{a0}84.70".into()));
    assert_eq!((es.money(-0.001, ""), es.decimal(-0.04, 1)), ("0,00\u{a0}€".into(), "0,0".into()));
    assert_eq!(
        (es.percent(0.9996), en.percent(1.0), es.percent(0.5)),
        ("99,9\u{a0}%".into(), "100%".into(), "50\u{a0}%".into())
    );
    assert_eq!((es.bytes(900), en.bytes(1536)), ("900\u{a0}B".into(), "1.5\u{a0}KB".into()));
}

#[test]
fn times_in_the_reader_s_zone() {
    let at = Timestamp::parse("2026-11-24T17:30:05.123Z").expect("a time");
    let (es, en) = (words(Language::Es), words(Language::En));
    assert_eq!((es.full(at), en.full(at)), ("24 nov 2026, 18:30:05".into(), "24 Nov 2026, 18:30:05".into()));
    assert_eq!(es.exact(at), "24 nov 2026, 18:30:05.123 (CET)");
    let later = |days: i64| at.plus_ms(days * 24 * 3_600_000);
    assert_eq!((es.short(at, at), es.short(at, later(1))), ("18:30:05".into(), "24 nov, 18:30".into()));
    assert_eq!(es.short(at, later(60)), "24 nov 2026, 18:30");
    assert_eq!(es.ago(at, at.plus_ms(3 * 3_600_000)), "hace 3\u{a0}h");
    assert_eq!(en.ago(at.plus_ms(12 * 60_000), at), "in 12\u{a0}min");
    assert_eq!((es.ago(at, at), es.hour(at)), ("ahora".into(), "18:30".into()));
    assert_eq!(Words::new(Language::Es, "Nowhere/Nothing").hour(at), "18:30", "an unknown zone is Spain's");
}

#[test]
fn days_and_columns_of_the_erp() {
    let (es, en) = (words(Language::Es), words(Language::En));
    assert_eq!((es.date("2026-01-05"), en.date("2026-01-05")), (Some("5 ene 2026".into()), Some("5 Jan 2026".into())));
    assert_eq!(es.date("pronto"), None);
    assert_eq!(es.parse_time("2026-11-24T18:30"), Timestamp::parse("2026-11-24T17:30:00Z"));
    assert_eq!(
        (es.parse_time("mañana"), es.parse_time("2026-11-24")),
        (None, Timestamp::parse("2026-11-23T23:00:00Z"))
    );
    assert_eq!(es.column("fecha"), Some(("Fecha".into(), "fecha del documento".into())));
    assert_eq!(en.column("nothing"), None);
}

#[test]
fn what_browsers_ask_for() {
    let is = |header: &str, right| assert_eq!(Language::accepted(header), right, "{header}");
    is("es-ES,es;q=0.9,en;q=0.8", Language::Es);
    is("en-GB,en;q=0.9,es;q=0.8", Language::En);
    is("de, en;q=0.5, es;q=0.7", Language::Es);
    is("ca,en;q=0.9", Language::Es);
    is("fr,de", Language::Es);
    is("es;q=0, en;q=0.1", Language::En);
    is("", Language::Es);
}

proptest! {
    #[test]
    fn whatever_is_asked_is_answered(header in "\\PC{0,60}", ms in any::<i64>(), number in any::<i64>(), share in 0.0..2.0f64) {
        Language::accepted(&header);
        for language in Language::ALL {
            let words = words(language);
            let (at, now) = (Timestamp::from_ms(ms), Timestamp::from_ms(number));
            prop_assert!(!words.full(at).is_empty() && !words.ago(at, now).is_empty() && !words.short(at, now).is_empty());
            prop_assert!(!words.number(number).is_empty() && !words.percent(share).is_empty());
        }
    }
}
