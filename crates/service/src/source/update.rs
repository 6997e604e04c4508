use gancho_model::{Message, Source, SourceId, SourceKind};
use gancho_words::Words;
use url::Url;

use super::{SourcePatch, create::refused};
use crate::{ServiceError, ServiceResult, Services};

impl Services {
    /// Changes a source. Returns it with the dropped fields: `key` if the address has another origin and no key was
    /// given; the ERP is not polled until there is one.
    ///
    /// # Errors
    /// What is missing in the ERP, with the field that it relates to: a source that can't be watched is not accepted.
    pub async fn update_source(
        &self,
        id: SourceId,
        patch: SourcePatch,
        who: &str,
    ) -> ServiceResult<(Source, Vec<&'static str>)> {
        let old = self.store.source(id).await?;
        let mut source = old.clone();
        patch.clone().apply(&mut source);
        let is_watched = source.kind.is_watched();
        let watched = |source: &Source| (source.url.clone(), source.key.clone(), source.models.clone());
        let is_key_dropped = old.key.is_some() && source.key.is_none() && source.kind == SourceKind::Api;
        if is_key_dropped {
            // It can't be polled yet; validate the address, and that no other source has it.
            is_web_address(&source)?;
            self.refuse_taken(&source).await?;
        } else if is_watched && watched(&old) != watched(&source) {
            self.refuse_taken(&source).await?;
            self.sources.install(&source).await.map_err(refused)?;
            // That takes seconds: somebody may have paused it meanwhile.
            source = self.store.source(id).await?;
            patch.apply(&mut source);
        }
        self.store.save_source(source.clone()).await?;
        if source.paused {
            self.sources.end_watching(source.id).await;
        }
        self.sources.sources_changed();
        if is_watched && old.url != source.url {
            self.leave(&old, &source).await;
        }
        self.audit.record(who, deed(&old, &source), &id, source.name.clone()).await;
        Ok((source, if is_key_dropped { vec!["key"] } else { vec![] }))
    }

    /// Two sources would take each other's rows.
    async fn refuse_taken(&self, source: &Source) -> ServiceResult<()> {
        match self.same_erp(source).await? {
            Some(other) => Err(ServiceError::field("url", Message::new("error-source-taken").with("name", other.name))),
            None => Ok(()),
        }
    }

    /// Removes our objects from the source's former ERP.
    async fn leave(&self, old: &Source, new: &Source) {
        if let Err(why) = self.sources.leave(old, new).await {
            let why = Words::english().message(&why);
            tracing::warn!(source = %new.id, why, "what is ours could not be taken out of the ERP that the source left");
        }
        self.sources.sources_changed();
    }
}

/// The action for the audit log.
fn deed(old: &Source, new: &Source) -> &'static str {
    match (old.paused, new.paused) {
        (false, true) => "source.paused",
        (true, false) => "source.resumed",
        _ => "source.changed",
    }
}

fn is_web_address(source: &Source) -> ServiceResult<()> {
    let url = source.url.as_ref().and_then(|url| Url::parse(url.expose().trim()).ok());
    if url.is_some_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host()) {
        return Ok(());
    }
    Err(ServiceError::field("url", Message::new("error-erp-url")))
}
