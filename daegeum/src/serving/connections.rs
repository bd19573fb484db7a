//! Connections at once: in all, and of each address.
//!
//! A new connection is taken even when there are too many, as long as another one can be closed for it: the oldest that
//! has brought no valid API key and no request that is being worked on. Silence holds a place only while nobody else
//! wants it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use api::{ConnectionUse, Limits, Network, Peer};
use tokio_util::sync::CancellationToken;

/// The connections that are open, and how many there may be.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    most_per_address: usize,
    /// Networks whose connections are closed for no other: our own proxies, which stand for many clients, and the PSP.
    kept: Vec<Network>,
    /// Networks that are not counted by address: our own proxies.
    proxies: Vec<Network>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    accepted: u64,
    all: BTreeMap<u64, Entry>,
    /// The connections of each address that is counted, by when they were accepted.
    by_address: HashMap<IpAddr, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Entry {
    /// The address that it is counted for, if any.
    address: Option<IpAddr>,
    is_kept: bool,
    standing: ConnectionUse,
    closed: CancellationToken,
}

/// A place for one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    pub(super) standing: ConnectionUse,
    /// Canceled when the connection has to make room.
    pub(super) closed: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.held().remove(self.number);
    }
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            most: limits.connections,
            most_per_address: limits.connections_per_address,
            kept: [&limits.trusted_proxies[..], &limits.webhook_senders[..]].concat(),
            proxies: limits.trusted_proxies.clone(),
            held: Mutex::default(),
        })
    }

    /// A place for a new connection; `None` when there is none for it.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let is_one_of = |networks: &[Network]| networks.iter().any(|network| network.contains(peer.ip()));
        let address = (!is_one_of(&self.proxies)).then(|| Peer(peer).customer());
        let mut held = self.held();
        if let Some(address) = address
            && held.of(address) >= self.most_per_address
            && !held.close_one_of(address)
        {
            return None;
        }
        if held.all.len() >= self.most && !held.close_one_of_the_largest() {
            return None;
        }
        let (standing, closed) = (ConnectionUse::default(), CancellationToken::new());
        let entry =
            Entry { address, is_kept: is_one_of(&self.kept), standing: standing.clone(), closed: closed.clone() };
        let number = held.add(entry);
        drop(held);
        Some(Place { connections: Arc::clone(self), number, standing, closed })
    }

    /// Closes a connection, if one can be closed: for want of file descriptors, say.
    pub(super) fn make_room(&self) -> bool {
        self.held().close_one_of_the_largest()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn add(&mut self, entry: Entry) -> u64 {
        self.accepted += 1;
        if let Some(address) = entry.address {
            self.by_address.entry(address).or_default().insert(self.accepted);
        }
        self.all.insert(self.accepted, entry);
        self.accepted
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.all.remove(&number)?;
        if let Some(address) = entry.address
            && let Some(of_address) = self.by_address.get_mut(&address)
        {
            of_address.remove(&number);
            if of_address.is_empty() {
                self.by_address.remove(&address);
            }
        }
        Some(entry)
    }

    fn of(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).map_or(0, BTreeSet::len)
    }

    fn close(&mut self, number: Option<u64>) -> bool {
        let closed = number.and_then(|number| self.remove(number));
        closed.is_some_and(|entry| {
            entry.closed.cancel();
            true
        })
    }

    /// Closes the oldest idle connection of an address: one without a key, else one with a key.
    fn close_one_of(&mut self, address: IpAddr) -> bool {
        let of_address = || self.by_address.get(&address).into_iter().flatten().copied();
        let is_idle = |number: &u64| self.all.get(number).is_some_and(|entry| !entry.standing.is_served());
        let idle = of_address().find(|number| is_idle(number) && self.is_closed_for_others(*number));
        let idle = idle.or_else(|| of_address().find(is_idle));
        self.close(idle)
    }

    /// Closes a connection of the address that has the most that may be closed.
    fn close_one_of_the_largest(&mut self) -> bool {
        let closable = |numbers: &BTreeSet<u64>| {
            let mut closable = numbers.iter().copied().filter(|number| self.is_closed_for_others(*number));
            let oldest = closable.next()?;
            Some((1 + closable.count(), oldest))
        };
        let largest = self.by_address.values().filter_map(closable).max_by_key(|(number, _)| *number);
        self.close(largest.map(|(_, oldest)| oldest))
    }

    fn is_closed_for_others(&self, number: u64) -> bool {
        self.all
            .get(&number)
            .is_some_and(|entry| !entry.is_kept && !entry.standing.is_proved() && !entry.standing.is_served())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn table(connections: usize, connections_per_address: usize) -> Arc<Connections> {
        let network = |text: &str| vec![text.parse().unwrap()];
        Connections::new(&Limits {
            connections,
            connections_per_address,
            trusted_proxies: network("10.0.0.0/8"),
            webhook_senders: network("198.51.100.1"),
            ..Limits::default()
        })
    }

    fn admit(table: &Arc<Connections>, address: &str) -> Option<Place> {
        table.admit(SocketAddr::new(address.parse().unwrap(), 5_000))
    }

    fn open(places: &[Place]) -> usize {
        places.iter().filter(|place| !place.closed.is_cancelled()).count()
    }

    #[test]
    fn an_address_has_so_many_and_the_oldest_makes_room_for_the_newest() {
        let table = table(100, 3);
        let places: Vec<_> = (0..5).map(|_| admit(&table, "203.0.113.9").unwrap()).collect();
        assert_eq!(open(&places), 3);
        assert!(places[0].closed.is_cancelled() && places[1].closed.is_cancelled());
        assert!(admit(&table, "203.0.113.10").is_some());
        drop(places);
        assert!(table.held().by_address.is_empty() && table.held().all.is_empty());
    }

    #[test]
    fn the_address_with_the_most_makes_room_for_others() {
        let table = table(10, 10);
        let one = admit(&table, "203.0.113.1").unwrap();
        let many: Vec<_> = (0..9).map(|_| admit(&table, "203.0.113.9").unwrap()).collect();
        let others: Vec<_> = (2..6).map(|last| admit(&table, &format!("203.0.113.{last}")).unwrap()).collect();
        assert_eq!((open(&[one]), open(&many), open(&others)), (1, 5, 4));
    }

    #[test]
    fn a_proxy_is_not_counted_and_neither_it_nor_the_psp_makes_room() {
        let table = table(4, 1);
        let proxies: Vec<_> = (0..2).map(|_| admit(&table, "10.0.0.1").unwrap()).collect();
        let psp = admit(&table, "198.51.100.1").unwrap();
        let first = admit(&table, "203.0.113.1").unwrap();
        assert!(admit(&table, "203.0.113.2").is_some(), "the other one made room");
        assert!(first.closed.is_cancelled());
        assert_eq!((open(&proxies), open(&[psp])), (2, 1));
        let more: Vec<_> = (0..2).filter_map(|_| admit(&table, "10.0.0.1")).collect();
        assert!(admit(&table, "203.0.113.3").is_none(), "no one can make room: {}", more.len());
    }
}
