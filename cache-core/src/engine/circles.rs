//! Prevents nested reads of different tasks from waiting for each other in a cycle.
//!
//! A wait-for graph (R. C. Holt, "Some Deadlock Properties of Computer Systems", 1972). It contains only nested reads.
//! All caches of the process share it, since a load may read through several.

use std::collections::{HashMap, HashSet};
use std::iter;
use std::sync::{LazyLock, Mutex, PoisonError};

use foldhash::fast::RandomState;

use crate::single_flight::FlightId;

static GRAPH: LazyLock<Mutex<Graph>> = LazyLock::new(Mutex::default);

/// The flights that the load of each flight waits for. A flight may occur several times.
#[derive(Debug, Default)]
struct Graph(HashMap<FlightId, Vec<FlightId>, RandomState>);

impl Graph {
    /// Whether one of `flights` can end only after one of `ends` has ended.
    fn leads(&self, flights: impl Iterator<Item = FlightId>, ends: &[FlightId]) -> bool {
        let (mut open, mut known) = (flights.collect::<Vec<_>>(), HashSet::<_, RandomState>::default());
        while let Some(flight) = open.pop() {
            if ends.contains(&flight) {
                return true;
            }
            if known.insert(flight) {
                open.extend(self.0.get(&flight).into_iter().flatten());
            }
        }
        false
    }

    fn add(&mut self, from: FlightId, to: FlightId) {
        self.0.entry(from).or_default().push(to);
    }

    fn remove(&mut self, from: FlightId, to: FlightId) {
        let Some(all) = self.0.get_mut(&from) else { return };
        if let Some(at) = all.iter().position(|known| *known == to) {
            all.swap_remove(at);
        }
        if all.is_empty() {
            self.0.remove(&from);
        }
    }
}

/// A wait that stays in the graph until this is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    edges: Vec<(FlightId, FlightId)>,
}

/// The error for a wait that would close a cycle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle;

impl Waiting {
    /// Adds the wait of a nested read.
    ///
    /// `loads` are the flights of the loads that the read is part of. `flight` is the one that it waits for, and `before`
    /// the predecessor that this flight waits for in turn, if any.
    pub(super) fn enter(loads: &[FlightId], flight: FlightId, before: Option<FlightId>) -> Result<Self, Circle> {
        let mut graph = GRAPH.lock().unwrap_or_else(PoisonError::into_inner);
        if graph.leads(iter::once(flight).chain(before), loads) {
            return Err(Circle);
        }
        let of_loads = loads.iter().map(|load| (*load, flight));
        let edges: Vec<_> = of_loads.chain(before.map(|before| (flight, before))).collect();
        for (from, to) in &edges {
            graph.add(*from, *to);
        }
        Ok(Self { edges })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut graph = GRAPH.lock().unwrap_or_else(PoisonError::into_inner);
        for (from, to) in &self.edges {
            graph.remove(*from, *to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flights<const N: usize>() -> [FlightId; N] {
        std::array::from_fn(|_| FlightId::new())
    }

    #[test]
    fn the_wait_that_closes_a_cycle_is_refused() {
        let [one, two, three] = flights();
        let first = Waiting::enter(&[one], two, None).unwrap();
        let _second = Waiting::enter(&[two], three, None).unwrap();
        assert_eq!(Waiting::enter(&[three], one, None).unwrap_err(), Circle);
        drop(first);
        Waiting::enter(&[three], one, None).unwrap();
    }

    #[test]
    fn outer_loads_wait_too() {
        let [outer, inner, other] = flights();
        let _waiting = Waiting::enter(&[inner, outer], other, None).unwrap();
        assert_eq!(Waiting::enter(&[other], outer, None).unwrap_err(), Circle);
        assert_eq!(Waiting::enter(&[other], inner, None).unwrap_err(), Circle);
    }

    #[test]
    fn a_flight_waits_for_the_previous_one() {
        let [load, next, before] = flights();
        let _waiting = Waiting::enter(&[load], next, Some(before)).unwrap();
        assert_eq!(Waiting::enter(&[before], load, None).unwrap_err(), Circle);
        assert_eq!(Waiting::enter(&[next], load, None).unwrap_err(), Circle);
    }

    #[test]
    fn many_may_wait_for_one() {
        let [one, two, target] = flights();
        let first = Waiting::enter(&[one], target, None).unwrap();
        let _again = Waiting::enter(&[one], target, None).unwrap();
        let _second = Waiting::enter(&[two], target, None).unwrap();
        drop(first);
        assert_eq!(Waiting::enter(&[target], one, None).unwrap_err(), Circle, "it still waits once");
    }
}
