//! Rejects template expressions that create values of any size with a few characters (`[[x]*3000]*3000`, or `[x,x]`
//! forty times); these cost nothing until they are traversed. Lists and maps of constants are allowed; for addition and
//! multiplication there are filters for numbers.

/// The position in a template.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Comment,
    /// Within `{{ … }}` or `{% … %}`; whether it is a `for`, whose loop variables may be a list.
    Tag {
        is_for: bool,
    },
}

/// The first forbidden part of a template, as written.
pub(super) fn forbidden(text: &str) -> Option<&str> {
    let (mut place, mut parens) = (Place::Text, Vec::new());
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let (rest, one) = (&text[at..], &text[at..at + next.len_utf8()]);
        let (skip, is_bad) = match place {
            Place::Text if is_raw(rest) => return Some("raw"),
            Place::Text => (begin(rest, &mut place), false),
            Place::Comment if rest.starts_with("#}") => {
                place = Place::Text;
                (2, false)
            }
            Place::Comment => (one.len(), false),
            Place::Tag { .. } if rest.starts_with("}}") || rest.starts_with("%}") => {
                (place, parens) = (Place::Text, Vec::new());
                (2, false)
            }
            Place::Tag { is_for } => match next {
                '\'' | '"' => (string(rest, next), false),
                '(' => {
                    // After a name it is a call, whose arguments are no list.
                    parens.push(is_value(&text[..at]));
                    (1, false)
                }
                ')' => (parens.pop().map_or(1, |_| 1), false),
                ',' => (1, !parens.last().copied().unwrap_or(is_for)),
                '[' if is_value(&text[..at]) => (1, false),
                '[' | '{' => constants(rest).map_or((1, true), |length| (length, false)),
                '*' | '+' => (1, true),
                _ => (one.len(), false),
            },
        };
        if is_bad {
            return Some(one);
        }
        at += skip;
    }
    None
}

/// The code of each tag, with string literals emptied.
pub(super) fn tags(text: &str) -> Vec<String> {
    let (mut place, mut tags, mut at) = (Place::Text, vec![], 0);
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let tag: Option<&mut String> = tags.last_mut();
        at += match (place, tag) {
            (Place::Text, _) => {
                let begun = begin(rest, &mut place);
                if matches!(place, Place::Tag { .. }) {
                    tags.push(String::new());
                }
                begun
            }
            (Place::Comment, _) if !rest.starts_with("#}") => next.len_utf8(),
            (Place::Tag { .. }, Some(tag)) if !rest.starts_with("}}") && !rest.starts_with("%}") => match next {
                '\'' | '"' => {
                    tag.push_str("''");
                    string(rest, next)
                }
                _ => {
                    tag.push(next);
                    next.len_utf8()
                }
            },
            _ => {
                place = Place::Text;
                2
            }
        };
    }
    tags
}

/// Whether what follows is not parsed as tags.
fn is_raw(rest: &str) -> bool {
    rest.strip_prefix("{%").is_some_and(|tag| tag.trim_start_matches(['-', '+']).trim_start().starts_with("raw"))
}

/// The length of a list or map of constants.
fn constants(rest: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        let one = rest[at..].chars().next()?;
        match one {
            ']' | '}' => return Some(at + 1),
            '\'' | '"' => at += string(&rest[at..], one),
            '0'..='9' | '.' | ',' | ':' | '-' => at += 1,
            _ if one.is_whitespace() => at += one.len_utf8(),
            _ => return None,
        }
    }
}

/// The length of the opening here, and the new position.
fn begin(rest: &str, place: &mut Place) -> usize {
    let inside = rest.get(2..).unwrap_or_default().trim_start_matches(['-', '+']).trim_start();
    *place = match rest.get(..2) {
        Some("{#") => Place::Comment,
        Some("{{") => Place::Tag { is_for: false },
        Some("{%") => Place::Tag { is_for: inside.starts_with("for ") },
        _ => return rest.chars().next().map_or(1, char::len_utf8),
    };
    rest.len() - rest[2..].trim_start_matches(['-', '+']).len()
}

/// The length of a string literal with its quotes.
fn string(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, next) in rest.char_indices().skip(1) {
        match next {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if next == quote => return at + 1,
            _ => (),
        }
    }
    rest.len()
}

/// Words after which a bracket starts a list, as after an operator.
const KEYWORDS: [&str; 10] = ["and", "elif", "else", "if", "in", "is", "not", "or", "recursive", "set"];

/// Whether a value ends here, so that a following bracket indexes or calls it.
fn is_value(before: &str) -> bool {
    let before = before.trim_end();
    let rest = before.trim_end_matches(|one: char| one.is_alphanumeric() || one == '_');
    match &before[rest.len()..] {
        "" => before.ends_with([')', ']', '}', '\'', '"']),
        word => !KEYWORDS.contains(&word),
    }
}
