//! Names to addresses, within the attempt's deadline: giving up on an answer holds nothing.

use std::net::{IpAddr, SocketAddr};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered},
};
use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::Name,
};

use crate::shortage;

/// What a resolver answers for one family of addresses.
pub type Answer = Result<Vec<IpAddr>, ResolveError>;

/// Looks names up. The binary wires the system's resolver; tests wire their own.
pub trait AddressBook: Send + Sync {
    /// Asks for the addresses of a name. Each family's answer comes when it comes; after the last the stream ends.
    /// Dropping the stream gives up.
    fn look_up(&self, name: &str) -> BoxStream<'static, Answer>;
}

/// Why there is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name has none of this family.
    #[error("the name has no address")]
    NoAddress,
    /// Nobody answered, or not what was asked.
    #[error("the name could not be looked up: {0}")]
    Failed(String),
    /// This process could not ask: it has no descriptor or memory left.
    #[error("the name could not be looked up for want of resources of our own: {0}")]
    Shortage(String),
}

/// The system's name servers and hosts file, or servers of one's own.
pub struct SystemResolver {
    v4: TokioResolver,
    v6: TokioResolver,
}

impl SystemResolver {
    /// Asks these servers; those of the system if none are given.
    ///
    /// # Errors
    /// When the system's configuration can't be read.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, ResolveError> {
        let build = |strategy| resolver(servers, strategy).map_err(|error| ResolveError::Failed(error.to_string()));
        Ok(Self { v4: build(LookupIpStrategy::Ipv4Only)?, v6: build(LookupIpStrategy::Ipv6Only)? })
    }
}

fn resolver(servers: &[SocketAddr], strategy: LookupIpStrategy) -> Result<TokioResolver, NetError> {
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio()?
    } else {
        let servers = servers.iter().map(|server| {
            let mut config = NameServerConfig::udp_and_tcp(server.ip());
            config.connections.iter_mut().for_each(|connection| connection.port = server.port());
            config
        });
        let config = ResolverConfig::from_parts(None, vec![], servers.collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    builder.options_mut().ip_strategy = strategy;
    builder.build()
}

impl AddressBook for SystemResolver {
    fn look_up(&self, name: &str) -> BoxStream<'static, Answer> {
        // As it stands in the URL, which is ASCII: `host_1` is a name in many a network, though not of the Internet.
        let asked: FuturesUnordered<BoxFuture<'static, Answer>> = match Name::from_ascii(name) {
            Ok(name) => [&self.v6, &self.v4]
                .map(|resolver| -> BoxFuture<'static, Answer> { Box::pin(ask(resolver.clone(), name.clone())) })
                .into_iter()
                .collect(),
            Err(error) => {
                let failed: BoxFuture<'static, Answer> =
                    Box::pin(std::future::ready(Err(ResolveError::Failed(error.to_string()))));
                [failed].into_iter().collect()
            }
        };
        asked.boxed()
    }
}

async fn ask(resolver: TokioResolver, name: Name) -> Answer {
    match resolver.lookup_ip(name).await {
        Ok(found) => Ok(found.iter().collect()),
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => Err(ResolveError::NoAddress),
        Err(NetError::Io(error)) if shortage::is_ours(&error) => Err(ResolveError::Shortage(error.to_string())),
        // The resolver may hide why it could not ask.
        Err(error) if shortage::of_descriptors() => Err(ResolveError::Shortage(error.to_string())),
        Err(error) => Err(ResolveError::Failed(error.to_string())),
    }
}
