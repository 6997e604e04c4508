//! Groups failures with the same cause into issues: endpoint, cause, count, first and last time.

use crate::{Attempt, DeliveryId, EndpointId, ErrorKind, Health, Timestamp};

/// Issues kept per endpoint; further causes are distinguished only by status and kind.
pub const ISSUES_MAX: u32 = 50;
/// How long an unsolved issue stays open after its last failure, milliseconds.
const OPEN_MS: i64 = 24 * 3600 * 1000;
/// Characters kept of a response's first line.
const LINE_CHARS: usize = 120;

/// What failures have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The response's status, if any.
    pub status: Option<u16>,
    /// How it failed.
    pub error: ErrorKind,
    /// The first line of the response with numbers replaced by `#`; empty if there is none.
    pub line: String,
}

/// Failures of one endpoint with the same cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Their cause.
    pub cause: Cause,
    /// Failed attempts since its start.
    pub attempts: u64,
    /// Deliveries that failed because of it.
    pub failed: u64,
    /// Its first attempt.
    pub first_at: Timestamp,
    /// Its last attempt.
    pub last_at: Timestamp,
    /// The delivery of its last attempt, while it is kept.
    pub last_delivery: Option<DeliveryId>,
    /// When the endpoint recovered, or a user closed the issue.
    pub solved_at: Option<Timestamp>,
}

impl Cause {
    /// The cause of a failed attempt; `None` for a successful one.
    pub fn of(attempt: &Attempt) -> Option<Self> {
        let error = attempt.error.as_ref()?.kind;
        let line = if attempt.status_code.is_some() { first_line(&attempt.response_body) } else { String::new() };
        Some(Self { status: attempt.status_code, error, line })
    }
}

impl Issue {
    /// Whether it needs attention: it is unsolved and recent, and the endpoint still fails or has failed deliveries.
    /// `failed_now`: the number of its endpoint's failed deliveries.
    pub fn is_open(&self, health: &Health, failed_now: u64, now: Timestamp) -> bool {
        self.solved_at.is_none()
            && now.since_ms(self.last_at) < OPEN_MS
            && (self.lost(failed_now) > 0 || health.consecutive_failures > 0)
    }

    /// How many deliveries that failed because of it are still failed, as far as known.
    pub fn lost(&self, failed_now: u64) -> u64 {
        self.failed.min(failed_now)
    }
}

/// The first line with text; for HTML pages the title or the first text. Numbers differ between documents and are
/// replaced by `#`.
fn first_line(body: &str) -> String {
    let body = body.trim_start();
    let page = if body.starts_with('<') {
        title(body).map_or_else(|| without_tags(body), ToOwned::to_owned)
    } else {
        String::new()
    };
    let text = if page.trim().is_empty() { body } else { page.trim_start() };
    let text = text.lines().next().unwrap_or_default();
    let mut line = String::new();
    let mut in_number = false;
    for character in text.trim().chars() {
        let is_digit = character.is_ascii_digit();
        match (is_digit, in_number) {
            (true, false) => line.push('#'),
            (true, true) => {}
            (false, _) if character.is_control() => line.push(' '),
            (false, _) => line.push(character),
        }
        in_number = is_digit;
        if line.chars().count() >= LINE_CHARS {
            break;
        }
    }
    line
}

/// The title of an HTML page, if it has one.
fn title(page: &str) -> Option<&str> {
    let lower = page.to_ascii_lowercase();
    let at = lower.find("<title")?;
    let begin = at + lower[at..].find('>')? + 1;
    let end = begin + lower[begin..].find('<')?;
    Some(&page[begin..end])
}

/// The visible text of a page.
fn without_tags(page: &str) -> String {
    let mut hidden_by: Option<&str> = None;
    let parts = page.split('<').filter_map(|part| {
        let lower = part.to_ascii_lowercase();
        match hidden_by {
            Some(tag) if lower.strip_prefix('/').is_some_and(|end| end.starts_with(tag)) => hidden_by = None,
            Some(_) => return None,
            None => hidden_by = ["style", "script"].into_iter().find(|tag| lower.starts_with(tag)),
        }
        part.split_once('>').map(|(_, text)| text).filter(|_| hidden_by.is_none())
    });
    parts.map(str::trim).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_differ_in_their_numbers_have_one_cause() {
        assert_eq!(first_line("\n Order 4711 is unknown (ref 12)\nat line 3"), "Order # is unknown (ref #)");
        assert_eq!(first_line("Order 9 is unknown (ref 123456)"), "Order # is unknown (ref #)");
        assert_eq!(first_line("<!doctype html>\n<html><head><TITLE>502 Bad Gateway</TITLE>"), "# Bad Gateway");
        assert_eq!(first_line("<error>no</error>\n<more>"), "no");
        assert_eq!(first_line("<h1>En mantenimiento</h1><p>Vuelva luego"), "En mantenimiento");
        assert_eq!(
            first_line("<html><STYLE>body{color:red}</STYLE><script>if(a<b && c>d)x()</script><p>Se ha roto"),
            "Se ha roto"
        );
        assert_eq!(first_line("<br/>"), "<br/>");
        assert_eq!(first_line(""), "");
        assert_eq!(first_line(&"ñ".repeat(500)).chars().count(), LINE_CHARS);
        assert_eq!(first_line("<title>unfinished"), "unfinished");
    }
}
