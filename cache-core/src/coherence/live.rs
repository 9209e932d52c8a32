//! A connection in use.

use std::sync::Arc;
use std::time::Duration;

use super::Epoch;
use crate::runtime::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use crate::runtime::{GRANULARITY, Moment};
use crate::tier::remote::Session;

/// A connection that has been through the whole reconnect order and may be used.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) session: Arc<dyn Session>,
    pub(super) number: u64,
    epoch: AtomicU64,
    /// Server milliseconds minus process milliseconds. It errs by at most a round trip, towards a later server time.
    server_ahead: AtomicI64,
}

impl Live {
    pub(crate) fn new(number: u64, session: Arc<dyn Session>, epoch: Epoch) -> Self {
        Self { session, number, epoch: AtomicU64::new(epoch.0), server_ahead: AtomicI64::new(0) }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    pub(super) fn move_to(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Release);
    }

    /// The server's clock in milliseconds.
    pub(crate) fn server_now(&self, now: Moment) -> u64 {
        now.as_millis().saturating_add_signed(self.server_ahead.load(Ordering::Relaxed))
    }

    /// The earliest moment at which the server's clock may show this; `now` where that is over. Readings of this process's
    /// clock may lie behind, and the server's clock is only estimated.
    pub(crate) fn moment_of(&self, server_millis: u64, now: Moment) -> Moment {
        let left = Duration::from_millis(server_millis.saturating_sub(self.server_now(now)));
        now.after(left.saturating_sub(GRANULARITY))
    }

    pub(super) fn set_server_time(&self, server_millis: u64, asked_at: Moment) {
        let ahead = i128::from(server_millis) - i128::from(asked_at.as_millis());
        self.server_ahead.store(i64::try_from(ahead).unwrap_or(0), Ordering::Relaxed);
    }
}
