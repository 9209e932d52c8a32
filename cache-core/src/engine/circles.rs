//! Prevents nested reads of different tasks from waiting for each other in a cycle.
//!
//! A wait-for graph (R. C. Holt, "Some Deadlock Properties of Computer Systems", 1972). It contains only nested reads.
//! All caches of the process share it, since a load may read through several.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use foldhash::fast::RandomState;

use crate::flight::FlightId;

static WAITS: LazyLock<Mutex<Graph>> = LazyLock::new(Mutex::default);

/// The flights that the load of each flight waits for. A flight may occur several times.
#[derive(Debug, Default)]
struct Graph(HashMap<FlightId, Vec<FlightId>, RandomState>);

impl Graph {
    /// Whether one of `flights` can end only after one of `ends` has ended.
    fn leads(&self, flights: &[FlightId], ends: &[FlightId]) -> bool {
        let (mut open, mut known) = (flights.to_vec(), HashSet::<_, RandomState>::default());
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
    /// `loads` are the flights of the loads that the read is part of. `flights` holds the flight that it waits for, and
    /// then the predecessor that this flight waits for in turn, if any.
    pub(super) fn enter(loads: &[FlightId], flights: &[FlightId]) -> Result<Self, Circle> {
        let mut graph = WAITS.lock().unwrap_or_else(PoisonError::into_inner);
        if graph.leads(flights, loads) {
            return Err(Circle);
        }
        let next = flights.windows(2).map(|pair| (pair[0], pair[1]));
        let edges: Vec<_> =
            loads.iter().zip(flights.first().into_iter().cycle()).map(|(from, to)| (*from, *to)).chain(next).collect();
        for (from, to) in &edges {
            graph.add(*from, *to);
        }
        Ok(Self { edges })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut graph = WAITS.lock().unwrap_or_else(PoisonError::into_inner);
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
    fn the_last_wait_of_a_circle_is_refused() {
        let [one, two, three] = flights();
        let first = Waiting::enter(&[one], &[two]).unwrap();
        let _second = Waiting::enter(&[two], &[three]).unwrap();
        assert_eq!(Waiting::enter(&[three], &[one]).unwrap_err(), Circle);
        drop(first);
        Waiting::enter(&[three], &[one]).unwrap();
    }

    #[test]
    fn outer_loads_wait_too() {
        let [outer, inner, other] = flights();
        let _waiting = Waiting::enter(&[inner, outer], &[other]).unwrap();
        assert_eq!(Waiting::enter(&[other], &[outer]).unwrap_err(), Circle);
        assert_eq!(Waiting::enter(&[other], &[inner]).unwrap_err(), Circle);
    }

    #[test]
    fn a_flight_waits_for_the_one_before_it() {
        let [load, next, before] = flights();
        let _waiting = Waiting::enter(&[load], &[next, before]).unwrap();
        assert_eq!(Waiting::enter(&[before], &[load]).unwrap_err(), Circle);
        assert_eq!(Waiting::enter(&[next], &[load]).unwrap_err(), Circle);
    }

    #[test]
    fn many_may_wait_for_one() {
        let [one, two, target] = flights();
        let first = Waiting::enter(&[one], &[target]).unwrap();
        let _again = Waiting::enter(&[one], &[target]).unwrap();
        let _second = Waiting::enter(&[two], &[target]).unwrap();
        drop(first);
        assert_eq!(Waiting::enter(&[target], &[one]).unwrap_err(), Circle, "it still waits once");
    }
}
