//! Fluent bundles, one per language, parsed once.

use std::sync::LazyLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use gancho_model::Arg;
use intl_memoizer::concurrent::IntlLangMemoizer;

use crate::{Language, number};

type Bundle = FluentBundle<FluentResource>;

/// The files of a language, in the same order for all.
pub(crate) const FILES: [(Language, &[(&str, &str)]); 2] = [
    (
        Language::Es,
        &[
            ("pages.ftl", include_str!("../locales/es/pages.ftl")),
            ("errors.ftl", include_str!("../locales/es/errors.ftl")),
            ("events.ftl", include_str!("../locales/es/events.ftl")),
            ("fields.ftl", include_str!("../locales/es/fields.ftl")),
            ("mail.ftl", include_str!("../locales/es/mail.ftl")),
        ],
    ),
    (
        Language::En,
        &[
            ("pages.ftl", include_str!("../locales/en/pages.ftl")),
            ("errors.ftl", include_str!("../locales/en/errors.ftl")),
            ("events.ftl", include_str!("../locales/en/events.ftl")),
            ("fields.ftl", include_str!("../locales/en/fields.ftl")),
            ("mail.ftl", include_str!("../locales/en/mail.ftl")),
        ],
    ),
];

static SPANISH: LazyLock<Bundle> = LazyLock::new(|| load(Language::Es));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| load(Language::En));

fn bundle(language: Language) -> &'static Bundle {
    match language {
        Language::Es => &SPANISH,
        Language::En => &ENGLISH,
    }
}

fn load(language: Language) -> Bundle {
    let mut bundle = FluentBundle::new_concurrent(vec![language.id()]);
    // Isolation marks are for mixed writing directions; both languages are left-to-right.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(match language {
        Language::Es => spanish_number,
        Language::En => english_number,
    }));
    for (_, text) in FILES.iter().filter(|(of, _)| *of == language).flat_map(|(_, files)| files.iter()) {
        // A test parses the files and reports errors; here the valid parts are used.
        let resource = FluentResource::try_new((*text).to_owned()).unwrap_or_else(|(readable, _)| readable);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

fn spanish_number(value: &FluentValue<'_>, _: &IntlLangMemoizer) -> Option<String> {
    whole(value, Language::Es)
}

fn english_number(value: &FluentValue<'_>, _: &IntlLangMemoizer) -> Option<String> {
    whole(value, Language::En)
}

fn whole(value: &FluentValue<'_>, language: Language) -> Option<String> {
    match value {
        FluentValue::Number(number) => Some(number::whole(language, number.value as i64)),
        _ => None,
    }
}

pub(crate) fn has(language: Language, id: &str) -> bool {
    bundle(language).has_message(id)
}

/// An attribute of a message, such as a noun's gender.
pub(crate) fn attribute(language: Language, id: &str, name: &str) -> Option<String> {
    attribute_with(language, id, name, &[])
}

/// The same with arguments.
pub(crate) fn attribute_with(
    language: Language,
    id: &str,
    name: &str,
    facts: &[(&'static str, Arg)],
) -> Option<String> {
    let bundle = bundle(language);
    let attribute = bundle.get_message(id)?.get_attribute(name)?;
    Some(bundle.format_pattern(attribute.value(), Some(&args(language, facts)), &mut vec![]).into_owned())
}

pub(crate) fn text(language: Language, id: &str, facts: &[(&'static str, Arg)]) -> String {
    let bundle = bundle(language);
    let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else { return id.to_owned() };
    let args = args(language, facts);
    let mut text = bundle.format_pattern(pattern, Some(&args), &mut vec![]).into_owned();
    // A cause that is a question ends its sentence.
    for (_, value) in args.iter() {
        if let FluentValue::String(cause) = value
            && cause.ends_with('?')
        {
            text = text.replace(&format!("{cause}."), cause);
        }
    }
    text
}

fn args<'a>(language: Language, facts: &'a [(&'static str, Arg)]) -> FluentArgs<'a> {
    let mut args = FluentArgs::with_capacity(facts.len());
    for (name, fact) in facts {
        match fact {
            Arg::Text(given) => args.set(*name, given.as_str()),
            Arg::Number(number) => args.set(*name, *number),
            Arg::Message(message) => args.set(*name, text(language, message.id, &message.args)),
        }
    }
    args
}
