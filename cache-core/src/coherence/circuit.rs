//! The circuit of the current connection: the breaker, and the error that opened it.

use std::time::Duration;

use crate::breaker::Breaker;
use crate::protocol::TierError;
use crate::runtime::Moment;
use crate::runtime::sync::{Mutex, PoisonError};

/// Opens when too many replies of the shared tier are errors or too late.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    breaker: Breaker,
    /// The error that opened the breaker, until the supervisor has taken it.
    opened_by: Mutex<Option<TierError>>,
}

impl Circuit {
    /// Records a successful command. It is a single load while there are no errors.
    pub(super) fn succeeded(&self, now: impl FnOnce() -> Moment) {
        if self.breaker.is_suspicious() {
            self.breaker.succeeded(now());
        }
    }

    /// Records an error other than a lost connection; returns whether it opens the circuit.
    pub(super) fn failed(&self, error: &TierError, now: Moment) -> bool {
        let opens = error.blames_the_server() && self.breaker.failed(now);
        if opens {
            *self.opened_by.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
        opens
    }

    /// Takes the error that opened the circuit, and the pause before the next attempt.
    pub(super) fn take_opening(&self) -> Option<(TierError, Duration)> {
        let error = self.opened_by.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some((error, self.breaker.pause()))
    }

    /// Whether the circuit opened so recently that the next connection is a probe.
    pub(super) fn is_half_open(&self, now: Moment) -> bool {
        self.breaker.is_wary(now)
    }
}
