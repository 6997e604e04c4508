use gancho_model::{Message, Source};
use url::Url;

/// The base of an ERP's API: its address up to `api/3/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base(Url);

impl Base {
    /// Parses what users enter: the ERP's address, with or without the API's path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let mut url = Url::parse(text.trim()).map_err(|_| Message::new("error-erp-url"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Message::new("error-erp-url"));
        }
        url.set_query(None);
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/');
        let path = path.split_once("/api/").map_or(path, |(before, _)| before);
        let path = path.trim_end_matches("/api").trim_end_matches("/index.php").trim_end_matches('/');
        let path = format!("{path}/api/3/");
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The base of a source.
    ///
    /// # Errors
    /// If it has none.
    pub fn of(source: &Source) -> Result<Self, Message> {
        Self::parse(source.url.as_ref().ok_or_else(|| Message::new("error-erp-url"))?.expose())
    }

    /// The address of a list, or of one record in it.
    pub fn to(&self, resource: &str, key: Option<&str>) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            if !resource.is_empty() || key.is_some() {
                path.push(resource);
            }
            if let Some(key) = key {
                path.push(key);
            }
        }
        if resource.is_empty() {
            // The ERP does not find this page without a trailing slash.
            let root = format!("{}/", url.path());
            url.set_path(&root);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_pasted_leads_to_the_api() {
        for (pasted, root) in [
            ("https://erp.example", "https://erp.example/api/3/"),
            (" http://erp.example:8080/fs/ ", "http://erp.example:8080/fs/api/3/"),
            ("https://erp.example/api/3/clientes?limit=1#x", "https://erp.example/api/3/"),
            ("https://erp.example/fs/index.php", "https://erp.example/fs/api/3/"),
            ("https://erp.example/api", "https://erp.example/api/3/"),
        ] {
            assert_eq!(Base::parse(pasted).map(|base| base.to("", None).to_string()), Ok(root.into()), "{pasted}");
        }
        assert!(Base::parse("erp.example").is_err());
        assert!(Base::parse("mysql://erp.example").is_err());
    }

    #[test]
    fn keys_are_escaped() {
        let base = Base::parse("https://erp.example").expect("an address");
        assert_eq!(base.to("clientes", Some("a/b ?")).as_str(), "https://erp.example/api/3/clientes/a%2Fb%20%3F");
        assert_eq!(base.to("clientes", None).as_str(), "https://erp.example/api/3/clientes");
    }
}
