//! Names to addresses, within the attempt's deadline: giving up on an answer holds nothing.

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use hickory_resolver::{
    TokioResolver,
    config::{NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
};

/// Looks names up. The binary wires the system's resolver; tests wire their own.
#[async_trait]
pub trait AddressBook: Send + Sync {
    /// All addresses of a name, A and AAAA.
    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError>;
}

/// A name has no address, or nobody answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResolveError(pub String);

/// The system's name servers and hosts file, or servers of one's own.
pub struct SystemResolver(TokioResolver);

impl SystemResolver {
    /// Asks these servers; those of the system if none are given.
    ///
    /// # Errors
    /// When the system's configuration can't be read.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, ResolveError> {
        let failed = |error: hickory_resolver::net::NetError| ResolveError(error.to_string());
        let builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(failed)?
        } else {
            let servers = servers.iter().map(|server| {
                let mut config = NameServerConfig::udp_and_tcp(server.ip());
                config.connections.iter_mut().for_each(|connection| connection.port = server.port());
                config
            });
            let config = ResolverConfig::from_parts(None, vec![], servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        Ok(Self(builder.build().map_err(failed)?))
    }
}

#[async_trait]
impl AddressBook for SystemResolver {
    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let found = self.0.lookup_ip(name).await.map_err(|error| {
            let why = if error.is_no_records_found() || error.is_nx_domain() {
                "the name has no address".to_owned()
            } else {
                format!("the name could not be looked up: {error}")
            };
            ResolveError(why)
        })?;
        Ok(found.iter().collect())
    }
}
