use gancho_model::{Scope, Secret, Source, SourceId, SourceKind, Token, TokenId};
use url::Url;

use super::NewSource;
use crate::{
    Refused, ServiceError, ServiceResult, Services,
    account::{digest, new_token},
};

/// The default time zone of an ERP's timestamps.
const ZONE: &str = "Europe/Madrid";

/// The result of creating a source.
#[derive(Debug)]
pub enum SourceCreated {
    /// It was created; for a plugin with its push token.
    New(Source, Option<String>),
    /// This ERP is already a source of this kind: missing objects were repaired, and its login is the one given now.
    Known(Source),
    /// The SQL of the objects to install. Nothing was done.
    Planned(String),
}

impl Services {
    /// Adds a source. Its objects are installed in the ERP before it is stored.
    ///
    /// # Errors
    /// What is missing in the ERP, with the field that it relates to.
    pub async fn create_source(&self, new: NewSource, who: &str) -> ServiceResult<SourceCreated> {
        let (is_dry, missing) = (new.dry_run.unwrap_or(false), new.missing());
        if !missing.is_empty() {
            return Err(missing.into());
        }
        let source = self.new_source(new);
        if is_dry {
            let sql = self.sources.plan(&source).await.map_err(|why| ServiceError::field("url", why))?;
            return Ok(SourceCreated::Planned(sql));
        }
        if let Some(known) = self.same_erp(&source).await? {
            return self.mend(known, source, who).await.map(SourceCreated::Known);
        }
        let token = (source.kind == SourceKind::Plugin).then(|| new_token(&*self.environment));
        if source.kind.is_watched() {
            self.sources.install(&source).await.map_err(refused)?;
        }
        let kept = token.as_ref().map(|text| (self.token_of(&source), digest(text)));
        self.store.add_source(source.clone(), kept).await?;
        self.sources.sources_changed();
        self.audit.record(who, "source.created", &source.id, source.name.clone()).await;
        Ok(SourceCreated::New(source, token))
    }

    fn new_source(&self, new: NewSource) -> Source {
        let now = self.environment.now();
        Source {
            id: SourceId::new(now, &*self.environment),
            name: new.name.0,
            kind: new.kind,
            url: new.url.map(|url| Secret::new(url.0)),
            key: new.key.map(|key| Secret::new(key.0)),
            time_zone: new.time_zone.map_or_else(|| ZONE.to_owned(), |zone| zone.0),
            models: new.models.map(|models| models.0.into_iter().map(|model| model.0).collect()),
            paused: false,
            heard_at: None,
            created_at: now,
        }
    }

    fn token_of(&self, source: &Source) -> Token {
        Token {
            id: TokenId::new(source.created_at, &*self.environment),
            name: source.name.clone(),
            scope: Scope::Source(source.id),
            created_at: source.created_at,
        }
    }

    /// An ERP is one source per kind: adding it again repairs missing objects, and takes over the login and key that were
    /// given, such as after its password was changed. Another host, which may be a replica of it, is not taken over.
    async fn mend(&self, known: Source, new: Source, who: &str) -> ServiceResult<Source> {
        let old = known.clone();
        let url = new.url.filter(|url| old.url.as_ref().is_none_or(|old| is_same_place(old.expose(), url.expose())));
        let known = Source { url: url.or(known.url), key: new.key.or(known.key), ..known };
        self.sources.install(&known).await.map_err(refused)?;
        self.store.save_source(known.clone()).await?;
        self.sources.sources_changed();
        if (&old.url, &old.key) != (&known.url, &known.key) {
            self.audit.record(who, "source.changed", &known.id, known.name.clone()).await;
        }
        Ok(known)
    }

    /// The other source of this kind that is connected to the same ERP. The address of a plugin proves nothing about
    /// that.
    pub(super) async fn same_erp(&self, source: &Source) -> ServiceResult<Option<Source>> {
        if !source.kind.is_watched() {
            return Ok(None);
        }
        for other in self.store.sources().await? {
            let is_rival = other.kind == source.kind && other.id != source.id;
            if is_rival && self.sources.same_erp(&other, source).await {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }
}

/// Whether two addresses have the same scheme, host, port and path; user, password and parameters may differ.
fn is_same_place(one: &str, other: &str) -> bool {
    let place = |text: &str| {
        let url = Url::parse(text.trim()).ok()?;
        Some((url.scheme().to_owned(), url.host_str()?.to_owned(), url.port(), url.path().to_owned()))
    };
    place(one).is_some_and(|one| Some(one) == place(other))
}

/// Why an ERP can't be connected, with the field that it relates to.
pub(super) fn refused(Refused { field, why }: Refused) -> ServiceError {
    ServiceError::field(field, why)
}
