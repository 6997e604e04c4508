//! The mail server set in the web interface, stored encrypted. The configuration takes precedence.

use gancho_model::Message;
use gancho_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Mailing, ServiceError, ServiceResult, Services};

/// The setting's name.
const SETTING: &str = "mail";

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// TLS from the first byte, usually on port 465.
    Tls,
    /// TLS after a plain greeting, usually on port 587.
    #[default]
    StartTls,
    /// None: only on the same machine.
    None,
}

impl Encryption {
    /// All values.
    pub const ALL: [Self; 3] = [Self::StartTls, Self::Tls, Self::None];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// A mail server with sender.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port; the usual one if left out.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// The user; empty for no authentication.
    pub user: String,
    /// The password.
    pub password: String,
    /// The sender's address.
    pub from: String,
}

impl MailServer {
    fn url(&self) -> Option<String> {
        let (scheme, tls) = match self.encryption {
            Encryption::Tls => ("smtps", None),
            Encryption::StartTls => ("smtp", Some("required")),
            Encryption::None => ("smtp", Some("none")),
        };
        let is_ipv6 = self.host.parse::<std::net::Ipv6Addr>().is_ok();
        let host = if is_ipv6 { format!("[{}]", self.host) } else { self.host.clone() };
        let is_plain = is_ipv6 || self.host.starts_with('[') || !self.host.contains([':', '/', '@', '?', '#']);
        let mut url = Url::parse(&format!("{scheme}://{host}")).ok().filter(|_| is_plain)?;
        if url.host_str().is_none_or(str::is_empty) {
            return None;
        }
        url.set_port(self.port).ok()?;
        if !self.user.is_empty() {
            url.set_username(&self.user).ok()?;
            url.set_password(Some(&self.password)).ok()?;
        }
        if let Some(tls) = tls {
            url.query_pairs_mut().append_pair("tls", tls);
        }
        Some(url.to_string())
    }
}

impl Services {
    /// The server set in the web interface, without its password.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn mail_server(&self) -> ServiceResult<Option<MailServer>> {
        let known = stored(&*self.store).await?;
        Ok(known.map(|known| MailServer { password: String::new(), ..known }))
    }

    /// Applies the last saved server, perhaps saved on another node.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn follow_mail_server(&self) -> ServiceResult<()> {
        Ok(load_mail_server(&*self.store, &*self.mailing).await?)
    }

    /// Saves the server and the sender, or none. An empty password keeps the current one if server and user are the
    /// same.
    ///
    /// # Errors
    /// Invalid fields, or that the configuration sets another server.
    pub async fn save_mail_server(&self, server: Option<MailServer>, who: &str) -> ServiceResult<()> {
        if self.mailing.is_fixed() {
            return Err(ServiceError::Conflict(Message::new("conflict-mail-fixed")));
        }
        let known = stored(&*self.store).await?;
        let server = server.map(|server| match known {
            Some(known) if server.password.is_empty() && (&known.host, &known.user) == (&server.host, &server.user) => {
                MailServer { password: known.password, ..server }
            }
            _ => server,
        });
        choose(&*self.mailing, server.as_ref())?;
        let text = server.as_ref().and_then(|server| serde_json::to_string(server).ok());
        self.store.save_setting(SETTING, text).await?;
        let host = server.map(|server| server.host).unwrap_or_default();
        self.audit.record(who, "mail.changed", &"", host).await;
        Ok(())
    }
}

/// Applies the saved server at the start of a process, or after another process changed it.
///
/// # Errors
/// If the store fails.
pub async fn load_mail_server(store: &dyn Store, mailing: &dyn Mailing) -> Result<(), StoreError> {
    if let Err(error) = choose(mailing, stored(store).await?.as_ref()) {
        tracing::warn!(?error, "the mail server that was set in the pages can't be used");
    }
    Ok(())
}

async fn stored(store: &dyn Store) -> Result<Option<MailServer>, StoreError> {
    let text = store.setting(SETTING).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

fn choose(mailing: &dyn Mailing, server: Option<&MailServer>) -> ServiceResult<()> {
    let Some(server) = server else { return mailing.choose(None).map_err(wrong) };
    let url = server.url().ok_or_else(|| wrong("server"))?;
    mailing.choose(Some((&url, &server.from))).map_err(wrong)
}

fn wrong(field: &'static str) -> ServiceError {
    match field {
        "from" => ServiceError::field("from", Message::new("error-mail-from")),
        _ => ServiceError::field("host", Message::new("error-mail-host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_from_its_parts() {
        let server = MailServer {
            host: "mail.example.com".into(),
            port: Some(2525),
            user: "ana@example.com".into(),
            password: "p@/ñ".into(),
            from: "gancho@example.com".into(),
            ..MailServer::default()
        };
        let starttls = "smtp://ana%40example.com:p%40%2F%C3%B1@mail.example.com:2525?tls=required";
        assert_eq!(server.url().as_deref(), Some(starttls));
        let plain = MailServer { encryption: Encryption::None, user: String::new(), port: None, ..server.clone() };
        assert_eq!(plain.url().as_deref(), Some("smtp://mail.example.com?tls=none"));
        let tls = MailServer { encryption: Encryption::Tls, user: String::new(), ..server.clone() };
        assert_eq!(tls.url().as_deref(), Some("smtps://mail.example.com:2525"));
        let local = MailServer { host: "::1".into(), user: String::new(), ..server.clone() };
        assert_eq!(local.url().as_deref(), Some("smtp://[::1]:2525?tls=required"));
        for host in ["", "a/b", "u@h", "h?x", " ", "h:25"] {
            assert_eq!(MailServer { host: host.into(), ..server.clone() }.url(), None, "{host:?}");
        }
    }
}
