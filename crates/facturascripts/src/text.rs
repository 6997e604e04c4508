//! FacturaScripts stores some characters of texts escaped for HTML; Gancho uses plain text.

/// The ERP's escapes of these characters.
pub(crate) const ESCAPES: [(&str, char); 4] = [("&#39;", '\''), ("&quot;", '"'), ("&lt;", '<'), ("&gt;", '>')];

/// Undoes `&#39; &quot; &lt; &gt;`, and only those: `&` itself is stored as it is.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match ESCAPES.iter().find(|(escape, _)| from.starts_with(escape)) {
            Some((escape, plain)) => {
                out.push(*plain);
                rest = &from[escape.len()..];
            }
            None => {
                out.push('&');
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::unescape;
    use proptest::prelude::*;

    #[test]
    fn only_the_four_and_only_once() {
        assert_eq!(unescape("O&#39;Reilly & &quot;Söhne&quot; &lt;b&gt; 50%"), "O'Reilly & \"Söhne\" <b> 50%");
        assert_eq!(unescape("&amp;lt; &amp; &#39 &eacute; &"), "&amp;lt; &amp; &#39 &eacute; &");
        assert_eq!(unescape("&&lt;lt;"), "&<lt;");
    }

    proptest! {
        #[test]
        fn escaping_and_unescaping_is_nothing(text in "[a-zñ'\"<>& ]{0,40}") {
            prop_assume!(!["&#39;", "&quot;", "&lt;", "&gt;"].iter().any(|escape| text.contains(escape)));
            let stored = text.replace('\'', "&#39;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
            prop_assert_eq!(unescape(&stored), text);
        }
    }
}
