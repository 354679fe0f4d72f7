//! A bounded map for what can be computed again: two generations, of which the
//! older is dropped when the younger is full. Unaware of what it holds.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A map of at most twice `capacity` units of weight; entries used lately survive.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    capacity: usize,
    maps: Mutex<Maps<K, V>>,
}

#[derive(Debug)]
struct Maps<K, V> {
    young: BTreeMap<K, (V, usize)>,
    old: BTreeMap<K, (V, usize)>,
    weight: usize,
}

impl<K: Ord + Clone, V: Clone> Generations<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        let maps = Maps { young: BTreeMap::new(), old: BTreeMap::new(), weight: 0 };
        Self { capacity, maps: Mutex::new(maps) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut maps = self.lock();
        if let Some((value, _)) = maps.young.get(key) {
            return Some(value.clone());
        }
        let (value, weight) = maps.old.remove(key)?;
        self.add(&mut maps, key.clone(), value.clone(), weight);
        Some(value)
    }

    pub(crate) fn insert(&self, key: K, value: V, weight: usize) {
        self.add(&mut self.lock(), key, value, weight);
    }

    pub(crate) fn remove(&self, key: &K) {
        let mut maps = self.lock();
        maps.old.remove(key);
        if let Some((_, weight)) = maps.young.remove(key) {
            maps.weight -= weight;
        }
    }

    pub(crate) fn clear(&self) {
        let mut maps = self.lock();
        *maps = Maps { young: BTreeMap::new(), old: BTreeMap::new(), weight: 0 };
    }

    fn add(&self, maps: &mut Maps<K, V>, key: K, value: V, weight: usize) {
        if maps.weight + weight > self.capacity {
            maps.old = std::mem::take(&mut maps.young);
            maps.weight = 0;
        }
        let replaced = maps.young.insert(key, (value, weight));
        maps.weight = maps.weight + weight - replaced.map_or(0, |(_, weight)| weight);
    }

    fn lock(&self) -> MutexGuard<'_, Maps<K, V>> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_survives_and_the_rest_goes() {
        let map = Generations::new(2);
        map.insert(1, 'a', 1);
        map.insert(2, 'b', 1);
        map.insert(3, 'c', 1);
        assert_eq!(map.get(&1), Some('a'));
        map.insert(4, 'd', 1);
        assert_eq!([1, 2, 3, 4].map(|key| map.get(&key)), [Some('a'), None, Some('c'), Some('d')]);
    }

    #[test]
    fn replacing_does_not_count_twice() {
        let map = Generations::new(2);
        for value in 0..100 {
            map.insert(1, value, 1);
        }
        map.insert(2, 0, 1);
        assert_eq!((map.get(&1), map.get(&2)), (Some(99), Some(0)));
    }
}
