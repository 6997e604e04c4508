//! A host's addresses as the resolver yields them, each checked before it is dialled.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt, stream::BoxStream};
use gancho_model::ErrorKind;
use tokio::time::timeout;
use url::{Host, Url};

use super::{Guard, SendError};
use crate::{AddressBook, ResolveError, address_book::LookupResult};

/// How long to wait for the other family's answer after the first (RFC 8305 §3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// Maximum addresses tried per host.
const ADDRESSES_MAX: usize = 32;

/// Addresses to dial, alternating IPv6 and IPv4 (RFC 8305 §4).
pub(super) struct Targets<'a> {
    guard: &'a Guard,
    url: &'a Url,
    port: u16,
    answers: Option<BoxStream<'static, LookupResult>>,
    v6: VecDeque<IpAddr>,
    v4: VecDeque<IpAddr>,
    prefer_v4: bool,
    taken: usize,
    /// The resolver's error, used if there is no more specific one.
    error: Option<SendError>,
}

impl<'a> Targets<'a> {
    /// Resolves the URL's host until the first addresses arrive; addresses that follow shortly after are checked
    /// together with them.
    ///
    /// # Errors
    /// `dns` if there is no address, `blocked` if one of them is refused.
    pub async fn resolve(guard: &'a Guard, url: &'a Url, book: &dyn AddressBook) -> Result<Self, SendError> {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(SendError::new(ErrorKind::Connect, "the URL has no host"));
        };
        let mut targets = Self {
            guard,
            url,
            port,
            answers: None,
            v6: VecDeque::new(),
            v4: VecDeque::new(),
            prefer_v4: false,
            taken: 0,
            error: None,
        };
        match host {
            Host::Ipv4(address) => targets.admit(vec![address.into()])?,
            Host::Ipv6(address) => targets.admit(vec![address.into()])?,
            Host::Domain(name) => targets.look_up(book.look_up(name)).await?,
        }
        Ok(targets)
    }

    async fn look_up(&mut self, mut answers: BoxStream<'static, LookupResult>) -> Result<(), SendError> {
        let mut found = vec![];
        while found.is_empty() {
            match answers.next().await {
                Some(Ok(addresses)) => found = addresses,
                Some(Err(error)) => self.note(of_resolver(&error)),
                None => return Err(self.error.take().unwrap_or_else(|| of_resolver(&ResolveError::NoAddress))),
            }
        }
        let rest = timeout(RESOLUTION_DELAY, async {
            while let Some(answer) = answers.next().await {
                match answer {
                    Ok(more) => found.extend(more),
                    Err(error) => self.note(of_resolver(&error)),
                }
            }
        });
        if rest.await.is_err() {
            self.answers = Some(answers);
        }
        self.admit(found)
    }

    /// Waits for another answer while addresses are being dialled; adds the addresses that pass the check. Returns at
    /// once if no answer is missing.
    pub async fn more(&mut self) {
        let Some(answers) = &mut self.answers else { return };
        match answers.next().await {
            Some(Ok(late)) => {
                if let Err(error) = self.admit(late) {
                    self.note(error);
                }
            }
            Some(Err(error)) => self.note(of_resolver(&error)),
            None => self.answers = None,
        }
    }

    /// Whether an answer may still come.
    pub fn are_missing(&self) -> bool {
        self.answers.is_some()
    }

    /// Whether an address waits to be dialled.
    pub fn are_waiting(&self) -> bool {
        self.taken < ADDRESSES_MAX && !(self.v4.is_empty() && self.v6.is_empty())
    }

    /// The next address.
    pub fn take(&mut self) -> Option<SocketAddr> {
        if !self.are_waiting() {
            return None;
        }
        let (first, second) = if self.prefer_v4 { (&mut self.v4, &mut self.v6) } else { (&mut self.v6, &mut self.v4) };
        let address = first.pop_front().or_else(|| second.pop_front())?;
        self.prefer_v4 = address.is_ipv6();
        self.taken += 1;
        Some(SocketAddr::new(address, self.port))
    }

    /// Why no address could be reached; `last` is the last dialling error.
    pub fn failure(&mut self, last: Option<SendError>) -> SendError {
        let refused = self.error.take_if(|error| error.kind == ErrorKind::Blocked);
        refused.or(last).unwrap_or_else(|| of_resolver(&ResolveError::NoAddress))
    }

    /// How many addresses were dialled.
    pub fn dialled(&self) -> usize {
        self.taken
    }

    fn admit(&mut self, addresses: Vec<IpAddr>) -> Result<(), SendError> {
        self.guard.check(self.url, &addresses)?;
        for address in addresses {
            if address.is_ipv6() { self.v6.push_back(address) } else { self.v4.push_back(address) }
        }
        Ok(())
    }

    /// Refusals and our own lack of resources are more specific than a family without addresses.
    fn note(&mut self, error: SendError) {
        let weight = |error: &SendError| (error.kind == ErrorKind::Blocked, error.is_ours, !is_no_address(error));
        if self.error.as_ref().is_none_or(|known| weight(known) < weight(&error)) {
            self.error = Some(error);
        }
    }
}

fn is_no_address(error: &SendError) -> bool {
    error.message == ResolveError::NoAddress.to_string()
}

fn of_resolver(error: &ResolveError) -> SendError {
    match error {
        ResolveError::Shortage(_) => SendError::ours(error.to_string()),
        _ => SendError::new(ErrorKind::Dns, error.to_string()),
    }
}
