//! A document as HTML.

use std::collections::HashMap;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Markdown as HTML. `link` returns the target of a link; if there is none, the text stays without a link. Headings get
/// the ids that GitHub gives them.
pub(super) fn draw(markdown: &str, link: impl Fn(&str) -> Option<String>) -> String {
    let mut events: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    name_headings(&mut events);
    let mut is_without_link = false;
    let drawn = events.into_iter().filter_map(|event| match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let address = link(&dest_url);
            is_without_link = address.is_none();
            address.map(|address| Event::Start(Tag::Link { link_type, dest_url: address.into(), title, id }))
        }
        Event::End(TagEnd::Link) if std::mem::take(&mut is_without_link) => None,
        // Scrollable elements are reachable by keyboard.
        Event::Start(Tag::CodeBlock(kind)) => Some(Event::Html(code_start(&kind))),
        Event::End(TagEnd::CodeBlock) => Some(Event::Html("</code></pre>\n".into())),
        other => Some(other),
    });
    let mut text = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut text, drawn);
    // Empty header cells are converted; wide tables are reachable by keyboard.
    text.replace("<th></th>", "<td></td>").replace("<table>", "<table tabindex=\"0\">")
}

fn code_start(kind: &CodeBlockKind<'_>) -> CowStr<'static> {
    match kind {
        CodeBlockKind::Fenced(language) if language.chars().all(char::is_alphanumeric) && !language.is_empty() => {
            format!("<pre tabindex=\"0\"><code class=\"language-{language}\">").into()
        }
        _ => "<pre tabindex=\"0\"><code>".into(),
    }
}

fn name_headings(events: &mut [Event<'_>]) {
    let mut used: HashMap<String, usize> = HashMap::new();
    for at in 0..events.len() {
        if !matches!(events[at], Event::Start(Tag::Heading { .. })) {
            continue;
        }
        let slug = slug(&words_of(&events[at + 1..]));
        let count = used.entry(slug.clone()).and_modify(|count| *count += 1).or_default();
        let name = if *count == 0 { slug } else { format!("{slug}-{count}") };
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[at] {
            *id = Some(name.into());
        }
    }
}

/// The text of a heading, up to its end.
fn words_of(events: &[Event<'_>]) -> String {
    let inside = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let words = inside.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
        _ => None,
    });
    words.collect()
}

/// GitHub's slug of a heading: lower case, without punctuation, a hyphen for each space.
fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.map(|character| if character == ' ' { '-' } else { character }).collect()
}
