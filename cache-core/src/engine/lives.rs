//! The lives of values that say themselves how long they are of use: for a time, or until a moment.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::method::Method;
use super::shared::{FillPermit, FillTarget};
use super::user_code::guarded;

/// How long the values of a method live, within the times of its policy.
pub(super) enum Lives<R> {
    /// As long as the policy says.
    OfPolicy,
    /// For this long from the start of the load. `None` leaves it to the policy.
    For(fn(&R) -> Option<Duration>),
    /// Until this moment. `None` leaves it to the policy.
    Until(fn(&R) -> Option<SystemTime>),
}

impl<R> Clone for Lives<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Lives<R> {}

impl<R> fmt::Debug for Lives<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OfPolicy => "OfPolicy",
            Self::For(_) => "For",
            Self::Until(_) => "Until",
        })
    }
}

impl<R> Method<R> {
    /// Returns the longest life, from the start of its load, that a value itself allows.
    ///
    /// `None` if it must not be cached: its life is over, or the user's function panics.
    pub(super) fn own_life(&self, value: &R, permit: &FillPermit) -> Option<Duration> {
        match self.presence.lives {
            Lives::OfPolicy => Some(Duration::MAX),
            Lives::For(ttl_from) => {
                Some(guarded(self.name(), "ttl_from", || ttl_from(value))?.unwrap_or(Duration::MAX))
            }
            Lives::Until(expires_at) => match guarded(self.name(), "expires_at", || expires_at(value))? {
                Some(end) => self.life_until(end, permit),
                None => Some(Duration::MAX),
            },
        }
    }

    fn life_until(&self, end: SystemTime, permit: &FillPermit) -> Option<Duration> {
        let now = self.process().clock.now();
        // The server's clock decides, so that the instances agree although their own clocks differ.
        let unix_now = match &permit.target {
            FillTarget::Both { connection, .. } => Duration::from_millis(connection.server_now(now)),
            _ => self.process().clock.unix_time(),
        };
        let left = end.duration_since(UNIX_EPOCH).ok()?.checked_sub(unix_now).filter(|left| !left.is_zero())?;
        Some(left.saturating_add(now.since(permit.started)))
    }
}
