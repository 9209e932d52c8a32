//! The counters of a cache as a whole, besides those of its methods.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Backend;
use super::metrics::{CacheMeter, Timing};
use crate::tier::remote::RemoteErrorKind;

/// A kind of request to the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Intent,
    Release,
    Bump,
    Read,
    Fill,
    Beat,
    Connect,
}

impl Request {
    pub(crate) const ALL: [Self; 7] =
        [Self::Intent, Self::Release, Self::Bump, Self::Read, Self::Fill, Self::Beat, Self::Connect];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Release => "release",
            Self::Bump => "bump",
            Self::Read => "read",
            Self::Fill => "fill",
            Self::Beat => "beat",
            Self::Connect => "connect",
        }
    }
}

/// The requests of a write to the shared tier: the first of [`Request::ALL`].
pub(crate) const ANNOUNCEMENTS: [Request; 3] = [Request::Intent, Request::Release, Request::Bump];

/// The names of the outcomes of an announcement.
pub(crate) const TOLD: [&str; 3] = ["ok", "error", "unreachable"];

/// The outcome of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Heard,
    Failed,
    /// There was no usable connection.
    Unreachable,
}

/// The counters of one cache, and the handles that publish them.
#[derive(Debug)]
pub(crate) struct Tally {
    errors: [[AtomicU64; RemoteErrorKind::ALL.len()]; Request::ALL.len()],
    announcements: [[AtomicU64; TOLD.len()]; ANNOUNCEMENTS.len()],
    pub(crate) meter: CacheMeter,
}

/// A copy of the counters.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) errors: [[u64; RemoteErrorKind::ALL.len()]; Request::ALL.len()],
    pub(crate) announcements: [[u64; TOLD.len()]; ANNOUNCEMENTS.len()],
}

impl Tally {
    pub(crate) fn new(backend: Backend) -> Self {
        Self { errors: Default::default(), announcements: Default::default(), meter: CacheMeter::new(backend) }
    }

    pub(crate) fn error(&self, request: Request, kind: RemoteErrorKind) {
        self.errors[request as usize][kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn told(&self, announcement: Request, told: Told) {
        self.announcements[announcement as usize][told as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the duration histogram of this kind of announcement.
    pub(crate) fn timing(&self, announcement: Request) -> &Timing {
        self.meter.timing(announcement as usize)
    }

    pub(crate) fn totals(&self) -> Totals {
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
    fn announcements_are_the_first_requests() {
        for (at, request) in Request::ALL.into_iter().enumerate() {
            assert_eq!(request as usize, at, "{}", request.name());
            assert_eq!(ANNOUNCEMENTS.get(at).copied(), (at < ANNOUNCEMENTS.len()).then_some(request));
        }
        assert_eq!([Told::Heard, Told::Failed, Told::Unreachable].map(|told| told as usize), [0, 1, 2]);
    }
}
