//! Sends mail through one SMTP server.

use std::{
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use gancho_model::Message;
use gancho_service::Mailing;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters},
};
use url::Url;

/// Timeout of a mail.
const PATIENCE: Duration = Duration::from_secs(20);

/// An invalid server or sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not a valid server address.
    #[error(
        "must be smtp://USER:PASSWORD@HOST:PORT or smtps://…, with ?tls=required (the default of smtp), opportunistic or none"
    )]
    Server,
    /// Not a valid mail address.
    #[error("must be an address such as gancho@example.com, or Gancho <gancho@example.com>")]
    Sender,
}

/// Sends mail through one server, if one is set.
#[derive(Default)]
pub struct Mailer {
    /// The server of the configuration.
    fixed: Option<Arc<Smtp>>,
    /// The server set in the web interface.
    chosen: RwLock<Option<Arc<Smtp>>>,
    /// Why the last mail of this process could not be sent.
    trouble: RwLock<Option<Message>>,
}

struct Smtp {
    url: Url,
    /// Created at first use: by then the TLS trust store is installed.
    transport: OnceLock<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
    /// Without the password.
    server: String,
}

impl Smtp {
    fn new(server: &str, from: &str) -> Result<Self, BadAddress> {
        let mut url = Url::parse(server).map_err(|_| BadAddress::Server)?;
        if !matches!(url.scheme(), "smtp" | "smtps") || url.host_str().is_none_or(str::is_empty) {
            return Err(BadAddress::Server);
        }
        let asked = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        match asked.as_deref() {
            None if url.scheme() == "smtp" => url.set_query(Some("tls=required")),
            Some("none") => url.set_query(None),
            None | Some("required" | "opportunistic") => {}
            Some(_) => return Err(BadAddress::Server),
        }
        AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str()).map_err(|_| BadAddress::Server)?;
        let from: Mailbox = from.parse().map_err(|_| BadAddress::Sender)?;
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let server = format!("{host}{port}");
        Ok(Self { url, transport: OnceLock::new(), from, server })
    }

    fn transport(&self) -> Result<&AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
        if let Some(made) = self.transport.get() {
            return Ok(made);
        }
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(self.url.as_str())?;
        let asked = self.url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        match (self.url.scheme(), asked.as_deref()) {
            ("smtps", _) => builder = builder.tls(Tls::Wrapper(self.tls()?)),
            (_, Some("required")) => builder = builder.tls(Tls::Required(self.tls()?)),
            (_, Some("opportunistic")) => builder = builder.tls(Tls::Opportunistic(self.tls()?)),
            _ => {}
        }
        Ok(self.transport.get_or_init(|| builder.timeout(Some(PATIENCE)).build()))
    }

    fn tls(&self) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let builder = TlsParameters::builder(self.host().to_owned()).certificate_store(CertificateStore::None);
        let believed = gancho_trust::get();
        let certificates = believed.certificates().map(|der| Certificate::from_der(der.to_vec()));
        certificates.into_iter().try_fold(builder, |builder, one| Ok(builder.add_root_certificate(one?)))?.build()
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl Mailer {
    /// Without a server: no mail is sent.
    pub fn none() -> Self {
        Self::default()
    }

    /// Uses this server and sender, which take precedence over the web interface.
    ///
    /// # Errors
    /// [`BadAddress`] states which of them is invalid, without a password.
    pub fn new(server: &str, from: &str) -> Result<Self, BadAddress> {
        Ok(Self { fixed: Some(Arc::new(Smtp::new(server, from)?)), ..Self::default() })
    }

    fn smtp(&self) -> Option<Arc<Smtp>> {
        let chosen = || self.chosen.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.fixed.clone().or_else(chosen)
    }

    /// Whether there is a server.
    pub fn is_set(&self) -> bool {
        self.smtp().is_some()
    }

    fn note_trouble(&self, trouble: Option<Message>) {
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Sends a mail.
    ///
    /// # Errors
    /// The reason of the failure, which is also kept until a mail goes out.
    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<(), Message> {
        let sent = self.try_send(to, subject, text).await;
        // A wrong address of a user says nothing about the server.
        match &sent {
            Err(why) if why.id != "problem-mail" => {}
            sent => self.note_trouble(sent.as_ref().err().cloned()),
        }
        sent
    }

    async fn try_send(&self, to: &str, subject: &str, text: &str) -> Result<(), Message> {
        let smtp = self.smtp().ok_or_else(|| Message::new("problem-no-mail"))?;
        let failed = |why: String| Message::new("problem-mail").with("why", why);
        let to: Address = to.parse().map_err(|_| Message::new("error-email"))?;
        // A user-defined name may contain line breaks; a subject must not.
        let subject: String = subject.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let mail = Mail::builder()
            .from(smtp.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text.to_owned())
            .map_err(|error| failed(error.to_string()))?;
        let transport = smtp.transport().map_err(|error| failed(error.to_string()))?;
        match tokio::time::timeout(PATIENCE, transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let of_tls = gancho_trust::with_openssl_line(&error, smtp.host());
                Err(failed(of_tls.unwrap_or_else(|| error.to_string())))
            }
            Err(_) => Err(failed("it does not answer".into())),
        }
    }
}

#[async_trait]
impl Mailing for Mailer {
    fn about(&self) -> Option<(String, String)> {
        self.smtp().map(|smtp| (smtp.from.to_string(), smtp.server.clone()))
    }

    fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    fn choose(&self, chosen: Option<(&str, &str)>) -> Result<(), &'static str> {
        let chosen = chosen.map(|(server, from)| Smtp::new(server, from)).transpose().map_err(|error| match error {
            BadAddress::Server => "server",
            BadAddress::Sender => "from",
        })?;
        let chosen = chosen.map(Arc::new);
        let mut current = self.chosen.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = match (&*current, &chosen) {
            (Some(old), Some(new)) => old.url == new.url && old.from == new.from,
            (old, new) => old.is_none() && new.is_none(),
        };
        if !is_same {
            self.note_trouble(None);
        }
        *current = chosen;
        Ok(())
    }

    fn trouble(&self) -> Option<Message> {
        self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send_test(&self, to: &str, subject: &str, text: &str) -> Result<(), Message> {
        self.send(to, subject, text).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_senders() {
        for good in ["smtp://mail.example.com", "smtps://u:p%40@mail.example.com:465", "smtp://127.0.0.1:2525?tls=none"]
        {
            let post = Mailer::new(good, "Gancho <gancho@example.com>").expect(good);
            assert!(post.is_set() && !post.about().expect("a server").1.contains('@'), "{good}");
        }
        for bad in ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://x?tls=perhaps"] {
            assert_eq!(Mailer::new(bad, "a@example.com").err(), Some(BadAddress::Server), "{bad}");
        }
        assert_eq!(Mailer::new("smtp://x", "nobody").err(), Some(BadAddress::Sender));
    }

    #[tokio::test]
    async fn trouble_is_known_until_another_server_is_chosen() {
        let (mailer, dead) = (Mailer::none(), ("smtp://127.0.0.1:1?tls=none", "a@example.com"));
        mailer.choose(Some(dead)).expect("good");
        assert_eq!(mailer.send("nobody", "s", "t").await, Err(Message::new("error-email")));
        assert_eq!(mailer.trouble(), None, "the server was not asked");
        mailer.send("b@example.com", "s", "t").await.expect_err("nobody listens there");
        mailer.choose(Some(dead)).expect("read again, as before each check");
        assert_eq!(mailer.trouble().map(|why| why.id), Some("problem-mail"));
        mailer.choose(Some(("smtp://mail.example.com", "a@example.com"))).expect("good");
        assert_eq!(mailer.trouble(), None);
    }

    #[test]
    fn what_the_configuration_says_wins() {
        let mailer = Mailer::none();
        assert_eq!(mailer.choose(Some(("smtp://x", "nobody"))), Err("from"));
        mailer.choose(Some(("smtp://mail.example.com", "a@example.com"))).expect("good");
        assert_eq!(mailer.about(), Some(("a@example.com".into(), "mail.example.com".into())));
        mailer.choose(None).expect("none");
        assert!(!mailer.is_set());
        let fixed = Mailer::new("smtp://fixed.example.com", "b@example.com").expect("good");
        fixed.choose(Some(("smtp://mail.example.com", "a@example.com"))).expect("good");
        assert_eq!((fixed.is_fixed(), fixed.about().expect("one").1), (true, "fixed.example.com".into()));
    }
}
