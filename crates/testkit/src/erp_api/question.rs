use axum::http::Uri;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The list; empty for the list of lists.
    pub list: String,
    /// The record, or `schema`.
    pub key: Option<String>,
    /// The decoded query.
    pub query: Vec<(String, String)>,
    /// Whether the path belongs to the API.
    pub is_api: bool,
}

impl Asked {
    pub(super) fn read(uri: &Uri) -> Self {
        let rest = uri.path().strip_prefix("/api/3/");
        let mut parts = rest.unwrap_or_default().splitn(2, '/').map(decoded);
        let list = parts.next().unwrap_or_default();
        let key = parts.next().filter(|key| !key.is_empty());
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        Self { list, key, query: pairs.map(pair).collect(), is_api: rest.is_some() }
    }

    /// A query parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// Whether it requests a page of a list.
    pub fn is_page(&self) -> bool {
        !self.list.is_empty() && self.key.is_none()
    }

    /// Whether it requests one record.
    pub fn is_record(&self) -> bool {
        self.key.as_deref().is_some_and(|key| key != "schema")
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).unwrap_or(0) as u8;
                digit() * 16 + digit()
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
