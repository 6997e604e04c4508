//! Endpoints cached by a writer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gancho_model::{Endpoint, EndpointId, Health};

use crate::EndpointSnapshot;

/// Endpoints that are not removed, with their numbers, ordered by number.
#[derive(Clone)]
pub(crate) struct Routes {
    all: Vec<(i64, Arc<Endpoint>)>,
    places: HashMap<EndpointId, usize>,
}

impl Routes {
    pub fn new(all: Vec<(i64, Endpoint)>) -> Self {
        let places = all.iter().enumerate().map(|(place, (_, endpoint))| (endpoint.id, place)).collect();
        Self { all: all.into_iter().map(|(n, endpoint)| (n, Arc::new(endpoint))).collect(), places }
    }

    pub fn iter(&self) -> impl Iterator<Item = &(i64, Arc<Endpoint>)> {
        self.all.iter()
    }

    pub fn find(&self, id: EndpointId) -> Option<&(i64, Arc<Endpoint>)> {
        self.places.get(&id).map(|place| &self.all[*place])
    }

    /// Changes the health of one; returns its endpoint's id.
    pub fn set_health(&mut self, n: i64, health: Health) -> Option<(EndpointId, Health)> {
        let place = self.all.binary_search_by_key(&n, |(n, _)| *n).ok()?;
        let endpoint = Arc::make_mut(&mut self.all[place].1);
        endpoint.health = health;
        Some((endpoint.id, health))
    }
}

/// Endpoints as of a commit, shared with planners.
#[derive(Clone, Default)]
pub(crate) struct PublishedEndpoints(Arc<Mutex<Arc<EndpointSnapshot>>>);

impl PublishedEndpoints {
    pub fn get(&self) -> Arc<EndpointSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn publish(&self, version: u64, routes: &Routes) {
        let endpoints = routes.iter().map(|(_, endpoint)| (**endpoint).clone()).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(EndpointSnapshot { version, endpoints });
    }
}
