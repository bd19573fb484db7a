//! Requests at once: who shares places with whom, and how many of one address may be open.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Which part of the places callers without a key have, beside those of the callers with one.
const ANONYMOUS_SHARE: usize = 2;
/// Which part of the places the PSP's webhooks have, beside all others.
const PSP_SHARE: usize = 10;

/// Callers that share places. No class can take the places of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Callers with a valid API key.
    Keyed,
    /// Buyers, and anybody else.
    Anonymous,
    /// The PSP's webhooks, from where it says that it sends them.
    Psp,
}

/// The places of all classes.
#[derive(Debug)]
pub(super) struct Slots {
    keyed: Arc<Semaphore>,
    anonymous: Arc<Semaphore>,
    psp: Arc<Semaphore>,
}

impl Slots {
    /// `places` for callers with a key, and a part of that number for the others.
    pub(super) fn new(concurrent: usize) -> Self {
        let part = |share: usize| Arc::new(Semaphore::new((concurrent / share).max(1)));
        Self { keyed: part(1), anonymous: part(ANONYMOUS_SHARE), psp: part(PSP_SHARE) }
    }

    /// A place, until it is dropped; `None` when all are taken.
    pub(super) fn take(&self, class: Class) -> Option<OwnedSemaphorePermit> {
        let places = match class {
            Class::Keyed => &self.keyed,
            Class::Anonymous => &self.anonymous,
            Class::Psp => &self.psp,
        };
        Arc::clone(places).try_acquire_owned().ok()
    }
}

/// How many requests of each address are open.
#[derive(Debug)]
pub(super) struct OpenRequests {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl OpenRequests {
    /// At most so many of each address.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// One more, until it is dropped; `None` when the address has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<OpenRequest> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = open.entry(address).or_default();
        (*of_address < self.most).then(|| {
            *of_address += 1;
            OpenRequest { requests: Arc::clone(self), address }
        })
    }
}

/// An open request of an address.
#[derive(Debug)]
pub(super) struct OpenRequest {
    requests: Arc<OpenRequests>,
    address: IpAddr,
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut open = self.requests.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_address) = open.get_mut(&self.address) {
            *of_address -= 1;
            // Only addresses with open requests are remembered.
            if *of_address == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_takes_the_places_of_another() {
        let slots = Slots::new(20);
        let taken = |class: Class| {
            let taken: Vec<_> = std::iter::from_fn(|| slots.take(class)).collect();
            taken.len()
        };
        let held: Vec<_> = std::iter::from_fn(|| slots.take(Class::Anonymous)).collect();
        assert_eq!((held.len(), taken(Class::Keyed), taken(Class::Psp)), (10, 20, 2));
        drop(held);
        assert_eq!(taken(Class::Anonymous), 10, "a place is free again");
        let least = Slots::new(1);
        assert!(least.take(Class::Psp).is_some() && least.take(Class::Anonymous).is_some());
    }

    #[test]
    fn an_address_has_so_many_open_requests_and_is_forgotten_without_any() {
        let requests = OpenRequests::new(2);
        let [one, other] = [[203, 0, 113, 9], [203, 0, 113, 10]].map(IpAddr::from);
        let first = requests.enter(one);
        let second = requests.enter(one);
        assert!(first.is_some() && second.is_some() && requests.enter(one).is_none());
        assert!(requests.enter(other).is_some());
        drop(first);
        assert!(requests.enter(one).is_some());
        drop(second);
        assert!(requests.open.lock().unwrap().is_empty());
    }
}
