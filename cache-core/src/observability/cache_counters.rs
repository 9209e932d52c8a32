//! The counters of a cache as a whole, besides those of its methods: announcements of writes, and errors of the shared
//! tier.
//!
//! A write may concern several methods, so it is counted once here and not for each of them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::metrics::{CacheMeter, Levels, Timing};
use crate::protocol::{Backend, TierErrorKind};

/// A kind of request to the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Lock,
    Release,
    Invalidate,
    Read,
    Fill,
    Heartbeat,
    Connect,
}

impl Request {
    pub(crate) const ALL: [Self; 7] =
        [Self::Lock, Self::Release, Self::Invalidate, Self::Read, Self::Fill, Self::Heartbeat, Self::Connect];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Release => "release",
            Self::Invalidate => "invalidate",
            Self::Read => "read",
            Self::Fill => "fill",
            Self::Heartbeat => "heartbeat",
            Self::Connect => "connect",
        }
    }
}

/// The requests of a write to the shared tier: the first of [`Request::ALL`].
pub(crate) const ANNOUNCEMENTS: [Request; 3] = [Request::Lock, Request::Release, Request::Invalidate];

/// The names of the outcomes of an announcement.
pub(crate) const DELIVERIES: [&str; 3] = ["ok", "error", "unreachable"];

/// The outcome of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Delivered,
    Failed,
    /// There was no usable connection.
    Unreachable,
}

/// The counters of one cache, and the handles that publish them.
#[derive(Debug)]
pub(crate) struct CacheCounters {
    errors: [[AtomicU64; TierErrorKind::ALL.len()]; Request::ALL.len()],
    announcements: [[AtomicU64; DELIVERIES.len()]; ANNOUNCEMENTS.len()],
    meter: CacheMeter,
}

/// A copy of the counters.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) errors: [[u64; TierErrorKind::ALL.len()]; Request::ALL.len()],
    pub(crate) announcements: [[u64; DELIVERIES.len()]; ANNOUNCEMENTS.len()],
}

impl CacheCounters {
    pub(crate) fn new(backend: Backend) -> Self {
        Self { errors: Default::default(), announcements: Default::default(), meter: CacheMeter::new(backend) }
    }

    pub(crate) fn error(&self, request: Request, kind: TierErrorKind) {
        self.errors[request as usize][kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn announced(&self, announcement: Request, delivery: Delivery) {
        self.announcements[announcement as usize][delivery as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the duration histogram of this kind of announcement.
    pub(crate) fn timing(&self, announcement: Request) -> &Timing {
        self.meter.timing(announcement as usize)
    }

    /// Reports the increments since the last call, and the current levels, to the recorder.
    pub(crate) fn publish(&self, levels: &Levels, invalidations: u64) {
        self.meter.publish(&self.totals(), levels, invalidations);
    }

    fn totals(&self) -> Totals {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            errors: self.errors.each_ref().map(|kinds| kinds.each_ref().map(get)),
            announcements: self.announcements.each_ref().map(|told| told.each_ref().map(get)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_requests_have_the_first_indices() {
        for (at, request) in Request::ALL.into_iter().enumerate() {
            assert_eq!(request as usize, at, "{}", request.name());
            assert_eq!(ANNOUNCEMENTS.get(at).copied(), (at < ANNOUNCEMENTS.len()).then_some(request));
        }
        assert_eq!(
            [Delivery::Delivered, Delivery::Failed, Delivery::Unreachable].map(|delivery| delivery as usize),
            [0, 1, 2]
        );
    }
}
