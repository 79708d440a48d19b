//! A limited supply, of which no single key can take more than a part.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::{Mutex, MutexGuard};

/// A limited amount, in any unit, shared between keys of type `K`. Cheap to clone.
#[derive(Debug)]
pub struct Shares<K>(Arc<Inner<K>>);

impl<K> Clone for Shares<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Inner<K> {
    total: usize,
    each: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    /// The amounts of the keys that have taken any.
    by: HashMap<K, usize>,
}

/// The amount one key has taken, given back when this is dropped.
#[derive(Debug)]
pub struct Share<K: Eq + Hash + Clone> {
    of: Shares<K>,
    key: K,
    taken: usize,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// `total` in all, at most `each` for one key.
    pub fn new(total: usize, each: usize) -> Self {
        let taken = Taken {
            all: 0,
            by: HashMap::new(),
        };
        Self(Arc::new(Inner {
            total,
            each,
            taken: Mutex::new(taken),
        }))
    }

    /// An empty share for this key.
    pub fn none(&self, key: K) -> Share<K> {
        Share {
            of: self.clone(),
            key,
            taken: 0,
        }
    }

    /// Takes this amount for this key, if it is available.
    pub fn take(&self, key: K, more: usize) -> Option<Share<K>> {
        let mut share = self.none(key);
        share.grow(more).then_some(share)
    }

    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.0.taken.lock()
    }

    /// How much is taken, and by how many keys.
    #[cfg(test)]
    pub(crate) fn in_use(&self) -> (usize, usize) {
        let taken = self.taken();
        (taken.all, taken.by.len())
    }
}

impl<K: Eq + Hash + Clone> Share<K> {
    /// Takes this much more, or nothing if not all of it is available. Returns whether it has.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        if more == 0 {
            return true;
        }
        let Inner { total, each, .. } = *self.of.0;
        let mut taken = self.of.taken();
        let own = taken.by.get(&self.key).copied().unwrap_or(0);
        let fits = more <= total.saturating_sub(taken.all) && more <= each.saturating_sub(own);
        if fits {
            taken.all += more;
            taken.by.insert(self.key.clone(), own + more);
            drop(taken);
            self.taken += more;
        }
        fits
    }
}

impl<K: Eq + Hash + Clone> Drop for Share<K> {
    fn drop(&mut self) {
        if self.taken == 0 {
            return;
        }
        let mut taken = self.of.taken();
        taken.all -= self.taken;
        if let Some(own) = taken.by.get_mut(&self.key) {
            *own -= self.taken;
            if *own == 0 {
                taken.by.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_gets_more_than_its_part_and_all_together_no_more_than_the_total() {
        let shares = Shares::new(10, 4);
        let mut ada = shares.take("ada", 3).unwrap();
        assert!(ada.grow(1) && !ada.grow(1));
        assert!(shares.take("ada", 1).is_none());
        let bob = shares.take("bob", 4).unwrap();
        // A request that cannot get all of it gets nothing.
        assert!(shares.take("cyd", 3).is_none());
        let cyd = shares.take("cyd", 2).unwrap();
        assert!(shares.take("dan", 1).is_none());
        assert_eq!(shares.in_use(), (10, 3));
        drop(bob);
        let again = shares.take("dan", 4).unwrap();
        drop((ada, cyd, again, shares.none("eve")));
        assert_eq!(shares.in_use(), (0, 0));
    }
}
