use gancho_model::{Consumer, Endpoint, EndpointId, Pattern, Secret};

use super::NewListener;
use crate::{
    ServiceResult, Services,
    consumer::Start,
    input::{List, Subscription},
};

/// An open listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The endpoint that represents it in the log.
    pub id: EndpointId,
    /// The secret that signs its events.
    pub secret: Secret,
    /// The last forwarded sequence number.
    pub position: u64,
    /// Whether it continues an earlier listener with this name.
    pub is_resumed: bool,
}

impl Services {
    /// Opens a listener: a new one, or the one with this name from its position.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn open_listener(&self, new: NewListener, who: &str) -> ServiceResult<Listener> {
        let now = self.environment.now();
        let events = new.events.map_or_else(
            || vec![Pattern::everything()],
            |List(events)| events.into_iter().map(|Subscription(pattern)| pattern).collect(),
        );
        let all = self.store.all_endpoints().await?;
        let known = all.into_iter().find(|one| one.is_listener() && one.name.as_deref() == Some(&new.name.0));
        let endpoint = match known {
            Some(known) => {
                let changed = Endpoint { url: new.forward_to.0, events, updated_at: now, ..known.clone() };
                if changed.url != known.url || changed.events != known.events {
                    self.store.save_endpoint(changed.clone(), known.updated_at).await?;
                }
                changed
            }
            None => {
                let id = EndpointId::new(now, &*self.environment);
                let usual = Endpoint::new(id, new.forward_to.0, self.new_secret(), now);
                let listener = Endpoint { name: Some(new.name.0), events, ..usual }.into_listener();
                self.store.add_endpoint(listener.clone()).await?;
                self.audit.record(who, "listener.opened", &id, listener.name.clone().unwrap_or_default()).await;
                listener
            }
        };
        let name = Consumer::name_of_listener(endpoint.id);
        let known = self.store.consumer(&name).await.ok();
        let is_resumed = new.from.is_none() && known.is_some();
        let position = self.position(&endpoint, (name, known), new.from).await?;
        Ok(Listener { id: endpoint.id, secret: endpoint.secrets.at(now).0.clone(), position, is_resumed })
    }

    /// Its position, stored from now on; `consumer`: its name, and its current state.
    async fn position(
        &self,
        endpoint: &Endpoint,
        consumer: (String, Option<Consumer>),
        from: Option<Start>,
    ) -> ServiceResult<u64> {
        let (name, known) = consumer;
        let position = match (from, &known) {
            (None, Some(known)) => known.position,
            (from, _) => self.start(from.unwrap_or(Start::Latest)).await?,
        };
        if known.as_ref().is_some_and(|known| known.position == position && known.types == endpoint.events) {
            return Ok(position);
        }
        if known.is_some() {
            self.store.remove_consumer(&name).await?;
        }
        let (types, created_at) = (endpoint.events.clone(), self.environment.now());
        self.store
            .add_consumer(Consumer { name, types, sources: vec![], position, created_at, acked_at: None })
            .await?;
        Ok(position)
    }
}
