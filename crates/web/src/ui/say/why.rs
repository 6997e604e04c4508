use gancho_model::ErrorKind;
use gancho_words::Words;

/// Why an attempt failed, and what to do, in one sentence.
pub(crate) fn why(words: &Words, status: Option<u16>, error: Option<ErrorKind>) -> String {
    match (status, error) {
        (Some(status), None | Some(ErrorKind::Status)) => {
            let own = format!("why-status-{status}");
            let of_hundred = format!("why-status-{}xx", status / 100);
            let id = [own, of_hundred].into_iter().find(|id| words.has(id)).unwrap_or_else(|| "why-status".to_owned());
            words.with(&id, &[("code", status.to_string().into())])
        }
        (_, Some(kind)) => words.get(&format!("why-{}", kind.as_str())),
        (None, None) => String::new(),
    }
}
