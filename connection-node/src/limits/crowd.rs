//! How many of a kind there are, in all and for each address.
//!
//! An address is kept only while it has a place, so there are never more than places.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::AddressGroup;

/// Places for so many; 0 is no limit.
pub struct Crowd {
    most: usize,
    most_each: usize,
    there: Mutex<There>,
}

#[derive(Default)]
struct There {
    all: usize,
    each: HashMap<AddressGroup, usize>,
}

/// A place in the crowd, until it is dropped.
pub struct Place {
    crowd: Arc<Crowd>,
    address: AddressGroup,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// None for anybody.
    All,
    /// None for this address.
    Address,
}

impl Crowd {
    pub fn new(most: usize, most_each: usize) -> Arc<Self> {
        let limit = |count| if count == 0 { usize::MAX } else { count };
        Arc::new(Self { most: limit(most), most_each: limit(most_each), there: Mutex::default() })
    }

    /// A place for one from `address`; `many` may come from there where it is a proxy's.
    pub fn enter(self: &Arc<Self>, address: AddressGroup, many: bool) -> Result<Place, Full> {
        let mut there = self.there();
        if there.all >= self.most {
            return Err(Full::All);
        }
        if !many && there.each.get(&address).is_some_and(|count| *count >= self.most_each) {
            return Err(Full::Address);
        }
        there.all += 1;
        *there.each.entry(address).or_default() += 1;
        Ok(Place { crowd: self.clone(), address })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.there().all
    }

    fn there(&self) -> MutexGuard<'_, There> {
        // Nothing in here panics half-way through a change.
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut there = self.crowd.there();
        there.all = there.all.saturating_sub(1);
        let left = there.each.get_mut(&self.address).map(|count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == Some(0) {
            there.each.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(last: u8) -> AddressGroup {
        IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let crowd = Crowd::new(3, 2);
        let first = crowd.enter(address(1), false).ok().unwrap();
        let second = crowd.enter(address(1), false).ok().unwrap();
        assert_eq!(crowd.enter(address(1), false).err(), Some(Full::Address));
        let third = crowd.enter(address(2), false).ok().unwrap();
        assert_eq!(crowd.enter(address(3), false).err(), Some(Full::All));
        assert!(crowd.enter(address(1), true).is_err(), "there is no place for anybody");
        drop((first, third));
        assert_eq!((crowd.count(), crowd.there().each.len()), (1, 1));
        assert!(crowd.enter(address(1), false).is_ok());
        drop(second);
        assert_eq!((crowd.count(), crowd.there().each.len()), (0, 0));
    }

    #[test]
    fn without_a_limit_all_find_a_place() {
        let crowd = Crowd::new(0, 0);
        let places: Vec<_> =
            (0..10_000).filter_map(|_| crowd.enter(address(1), false).ok()).collect();
        assert_eq!((places.len(), crowd.count()), (10_000, 10_000));
    }
}
