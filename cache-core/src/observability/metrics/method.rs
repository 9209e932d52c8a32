//! The series of one read method.

use std::fmt;

use super::handles::{Count, Labels, Level, Timing};
use super::names;
use crate::observability::Occupancy;
use crate::observability::checks::RESULTS;
use crate::protocol::Backend;

/// Operation, tier and result of each counter of a read method.
pub(crate) const OPERATIONS: [[&str; 3]; 21] = [
    ["read", "local", "hit"],
    ["read", "local", "absent"],
    ["read", "shared", "hit"],
    ["read", "shared", "absent"],
    ["read", "flight", "hit"],
    ["read", "store", "miss"],
    ["load", "store", "ok"],
    ["load", "store", "error"],
    ["bypass", "store", "ok"],
    ["degraded", "local", "hit"],
    ["stale", "local", "hit"],
    ["stale", "store", "error"],
    ["stale", "store", "slow"],
    ["refresh", "store", "ok"],
    ["refresh", "store", "error"],
    ["refresh", "store", "skipped"],
    ["revalidate", "store", "ok"],
    ["update", "store", "ok"],
    ["fill", "shared", "ok"],
    ["fill", "local", "refused"],
    ["invalidate", "shared", "ok"],
];

/// The counts of a method so far, in the order of its series.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) operations: [u64; OPERATIONS.len()],
    /// The bytes received from and sent to the shared tier.
    pub(crate) bytes: [u64; 2],
    pub(crate) checks: [u64; RESULTS.len()],
    /// In the order of the names that were passed to the meter.
    pub(crate) damage: Vec<u64>,
}

/// The handles of one read method.
pub(crate) struct MethodMeter {
    operations: [Count; OPERATIONS.len()],
    bytes: [Count; 2],
    checks: [Count; RESULTS.len()],
    damage: Vec<Count>,
    entries: Level,
    weight: Level,
    flights: Level,
    /// The duration of a look-up in the shared tier, hit or miss.
    pub(crate) look_up: Timing,
    /// The duration of a call of the store.
    pub(crate) load: Timing,
    /// The duration of a fill of the shared tier.
    pub(crate) fill: Timing,
    /// How long the local tier returned a value that the verifier had found to be stale.
    pub(crate) staleness: Timing,
}

impl MethodMeter {
    /// Creates the handles. `damage` has the operation and the kind of every error that the method may count itself.
    pub(crate) fn new(
        store: &'static str,
        method: &'static str,
        backend: Backend,
        damage: impl Iterator<Item = (&'static str, &'static str)>,
    ) -> Self {
        let of_method: Labels<'_> = &[("store", store), ("method", method)];
        let operation = |[operation, tier, result]: [&'static str; 3]| {
            let labels = [of_method, &[("operation", operation), ("tier", tier), ("result", result)]].concat();
            Count::new(&names::OPERATIONS, &labels)
        };
        let error = |(operation, kind)| {
            let labels = [("operation", operation), ("backend", backend.name()), ("kind", kind)];
            Count::new(&names::ERRORS, &labels)
        };
        let bytes = |direction| {
            let labels = [of_method, &[("direction", direction)]].concat();
            Count::new(&names::SHARED_BYTES, &labels)
        };
        let check = |result| Count::new(&names::CHECKS, &[of_method, &[("result", result)]].concat());
        let timing = |operation, tier| {
            let labels = [of_method, &[("operation", operation), ("tier", tier)]].concat();
            Timing::new(&names::DURATION, &labels)
        };
        Self {
            operations: OPERATIONS.map(operation),
            bytes: ["received", "sent"].map(bytes),
            checks: RESULTS.map(check),
            damage: damage.map(error).collect(),
            entries: Level::new(&names::LOCAL_ENTRIES, of_method),
            weight: Level::new(&names::LOCAL_WEIGHT, of_method),
            flights: Level::new(&names::IN_FLIGHT, of_method),
            look_up: timing("read", "shared"),
            load: timing("load", "store"),
            fill: timing("fill", "shared"),
            staleness: Timing::new(&names::STALENESS_FOUND, of_method),
        }
    }

    pub(crate) fn publish(&self, totals: &Totals) {
        let operations = self.operations.iter().zip(&totals.operations);
        let bytes = self.bytes.iter().zip(&totals.bytes);
        let checks = self.checks.iter().zip(&totals.checks);
        let damage = self.damage.iter().zip(&totals.damage);
        operations.chain(bytes).chain(checks).chain(damage).for_each(|(count, total)| count.publish(*total));
    }

    #[expect(clippy::cast_precision_loss, reason = "no process has 2^53 entries or bytes")]
    pub(crate) fn occupied(&self, occupancy: Occupancy) {
        self.entries.set(occupancy.entries as f64);
        self.weight.set(occupancy.weight.unwrap_or(0) as f64);
        self.flights.set(occupancy.in_flight as f64);
    }
}

impl fmt::Debug for MethodMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodMeter").finish_non_exhaustive()
    }
}
