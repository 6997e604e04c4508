//! Resolves names within the attempt's deadline: dropping a lookup releases its resources.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures_util::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered},
};
use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::Name,
    system_conf::read_system_conf,
};

use crate::shortage;

/// A resolver's answer for one address family.
pub type LookupResult = Result<Vec<IpAddr>, ResolveError>;

/// Resolves names. The binary uses the system's resolver; tests use their own.
pub trait AddressBook: Send + Sync {
    /// Resolves a name. Each family's answer is yielded when it arrives; then the stream ends. Dropping the stream
    /// cancels the lookup.
    fn look_up(&self, name: &str) -> BoxStream<'static, LookupResult>;
}

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name has none of this family.
    #[error("the name has no address")]
    NoAddress,
    /// The servers did not answer, or the answer was invalid.
    #[error("the name could not be looked up: {0}")]
    Failed(String),
    /// This process could not send the query: it has no descriptors or memory left.
    #[error("the name could not be looked up for want of resources of our own: {0}")]
    Shortage(String),
}

/// The system's name servers and hosts file, or the given servers.
pub struct SystemResolver {
    families: [TokioResolver; 2],
    search: Arc<Search>,
}

/// The search list for relative names.
struct Search {
    domains: Vec<Name>,
    /// Names with at least this many dots are first tried as they are.
    ndots: usize,
}

impl Search {
    /// The absolute names to try, most likely first.
    fn candidates(&self, name: &Name) -> VecDeque<Name> {
        let mut whole = name.clone();
        whole.set_fqdn(true);
        if name.is_fqdn() {
            return [whole].into();
        }
        let mut names: VecDeque<_> =
            self.domains.iter().filter_map(|domain| name.clone().append_domain(domain).ok()).collect();
        if usize::from(name.num_labels()) > self.ndots || name.is_localhost() {
            names.push_front(whole);
        } else {
            names.push_back(whole);
        }
        names
    }
}

impl SystemResolver {
    /// Uses these servers, or the system's if none are given.
    ///
    /// # Errors
    /// If the system's configuration can't be read.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, ResolveError> {
        let failed = |error: NetError| ResolveError::Failed(error.to_string());
        let (config, options) = configuration(servers).map_err(failed)?;
        let domains = config.domain().into_iter().chain(config.search()).cloned().collect();
        let search = Arc::new(Search { domains, ndots: options.ndots });
        let build = |strategy| {
            let mut builder = TokioResolver::builder_with_config(config.clone(), TokioRuntimeProvider::default());
            *builder.options_mut() = options.clone();
            builder.options_mut().ip_strategy = strategy;
            builder.build().map_err(failed)
        };
        Ok(Self { families: [build(LookupIpStrategy::Ipv6Only)?, build(LookupIpStrategy::Ipv4Only)?], search })
    }
}

fn configuration(servers: &[SocketAddr]) -> Result<(ResolverConfig, ResolverOpts), NetError> {
    if servers.is_empty() {
        return read_system_conf();
    }
    let servers = servers.iter().map(|server| {
        let mut config = NameServerConfig::udp_and_tcp(server.ip());
        config.connections.iter_mut().for_each(|connection| connection.port = server.port());
        config
    });
    Ok((ResolverConfig::from_parts(None, vec![], servers.collect()), ResolverOpts::default()))
}

impl AddressBook for SystemResolver {
    fn look_up(&self, name: &str) -> BoxStream<'static, LookupResult> {
        // As in the URL, which is ASCII: `host_1` is a valid name in many private networks, though not on the Internet.
        match Name::from_ascii(name) {
            Ok(name) => {
                let names = self.search.candidates(&name);
                ask_in_turn(names, self.families.clone()).boxed()
            }
            Err(error) => stream::iter([Err(ResolveError::Failed(error.to_string()))]).boxed(),
        }
    }
}

/// Queries both families of a name at once, and the next name only if the previous one has no address at all, so that
/// the two families never belong to different hosts.
fn ask_in_turn(names: VecDeque<Name>, families: [TokioResolver; 2]) -> impl Stream<Item = LookupResult> {
    let asked: FuturesUnordered<BoxFuture<'static, LookupResult>> = FuturesUnordered::new();
    stream::unfold((names, asked), move |(mut names, mut asked)| {
        let families = families.clone();
        async move {
            if asked.is_empty() {
                let name = names.pop_front()?;
                asked.extend(families.map(|family| ask(family, name.clone()).boxed()));
            }
            let answer = asked.next().await?;
            if answer.is_ok() {
                names.clear();
            }
            Some((answer, (names, asked)))
        }
    })
}

async fn ask(resolver: TokioResolver, name: Name) -> LookupResult {
    match resolver.lookup_ip(name).await {
        Ok(found) => Ok(found.iter().collect()),
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => Err(ResolveError::NoAddress),
        Err(NetError::Io(error)) if shortage::is_ours(&error) => Err(ResolveError::Shortage(error.to_string())),
        // The resolver's error may hide the real cause.
        Err(error) if shortage::of_descriptors() => Err(ResolveError::Shortage(error.to_string())),
        Err(error) => Err(ResolveError::Failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(name: &str) -> Vec<String> {
        let domain = |name: &str| Name::from_ascii(name).unwrap();
        let search = Search { domains: vec![domain("corp.local."), domain("lan.")], ndots: 1 };
        search.candidates(&domain(name)).iter().map(Name::to_ascii).collect()
    }

    #[test]
    fn a_name_with_a_dot_is_first_asked_for_as_it_stands() {
        let whole = ["a.example.", "a.example.corp.local.", "a.example.lan."];
        assert_eq!(candidates("a.example"), whole);
        assert_eq!(candidates("host_1"), ["host_1.corp.local.", "host_1.lan.", "host_1."]);
        assert_eq!(candidates("localhost"), ["localhost.", "localhost.corp.local.", "localhost.lan."]);
        assert_eq!(candidates("a.example."), ["a.example."]);
    }
}
