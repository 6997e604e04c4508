//! The endpoints, as a writer keeps them in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gancho_model::{Endpoint, EndpointId};

use crate::EndpointSnapshot;

/// Endpoints that are not removed, with their numbers, in their order.
pub(crate) struct Routes {
    all: Vec<(i64, Endpoint)>,
    places: HashMap<EndpointId, usize>,
}

impl Routes {
    pub fn new(all: Vec<(i64, Endpoint)>) -> Self {
        let places = all.iter().enumerate().map(|(place, (_, endpoint))| (endpoint.id, place)).collect();
        Self { all, places }
    }

    pub fn iter(&self) -> impl Iterator<Item = &(i64, Endpoint)> {
        self.all.iter()
    }

    pub fn find(&self, id: EndpointId) -> Option<&(i64, Endpoint)> {
        self.places.get(&id).map(|place| &self.all[*place])
    }
}

/// Endpoints as of a commit, shared with whoever plans deliveries.
#[derive(Clone, Default)]
pub(crate) struct PublishedEndpoints(Arc<Mutex<Arc<EndpointSnapshot>>>);

impl PublishedEndpoints {
    pub fn get(&self) -> Arc<EndpointSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn publish(&self, version: u64, routes: &Routes) {
        let endpoints = routes.iter().map(|(_, endpoint)| endpoint.clone()).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(EndpointSnapshot { version, endpoints });
    }
}
