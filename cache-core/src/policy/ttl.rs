//! The ages of an entry at which it is treated differently: when it is refreshed, when its life ends, and how long it
//! answers after that. Pure functions of the policy, the kind of result and a random fraction.

use std::time::Duration;

use super::{ReadPolicy, RefreshAfter};
use crate::config::limits::LONGEST_LIFE;

/// Returns the lifetime of a value from the start of its load, if it is cached.
///
/// `own` returns the life that the value itself allows, and is called last; `None` means that it must not be cached.
/// `chance` is a fraction from 0 to 1, and values outside count as the nearer end. Jitter only shortens a lifetime: the
/// time to live is an upper bound. A disabled method, a life of zero and an absence without a `negative_ttl` are not
/// cached. Lives longer than ten years are cut, because Redis and `moka` cannot represent all of them.
pub(crate) fn lifetime(
    policy: &ReadPolicy,
    absent: bool,
    own: impl FnOnce() -> Option<Duration>,
    chance: f64,
) -> Option<Duration> {
    let ttl = if absent { policy.negative_ttl? } else { policy.ttl }.min(LONGEST_LIFE);
    if !policy.enabled || ttl.is_zero() {
        return None;
    }
    let cut = f64::from(policy.jitter_percent) / 100.0 * chance.clamp(0.0, 1.0);
    Some(ttl.min(own()?).mul_f64(1.0 - cut)).filter(|life| !life.is_zero())
}

/// How long before and after the end of its life an entry has a special treatment.
///
/// Both are constants of the method, so that neither tier has to store them with an entry. The jitter of an entry's end
/// moves the refresh with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Staleness {
    /// A read starts a refresh from this long before the end; zero if there is none.
    pub(crate) lead: Duration,
    /// The value answers until this long after the end, while it is loaded again.
    pub(crate) while_revalidate: Duration,
    /// It answers until this long after the end in place of an error of the store.
    pub(crate) if_error: Duration,
}

impl Staleness {
    /// No special treatment.
    pub(crate) const NONE: Self =
        Self { lead: Duration::ZERO, while_revalidate: Duration::ZERO, if_error: Duration::ZERO };

    /// The staleness of present values, or of absences, in a cache that refreshes entries or does not.
    pub(crate) fn of(policy: &ReadPolicy, absent: bool, refreshes: bool) -> Self {
        let if_error = policy.stale_if_error.min(LONGEST_LIFE);
        if !refreshes {
            return Self { lead: Duration::ZERO, while_revalidate: Duration::ZERO, if_error };
        }
        let ttl = if absent { policy.negative_ttl.unwrap_or_default() } else { policy.ttl }.min(LONGEST_LIFE);
        let rest = match policy.refresh_after {
            None => Duration::ZERO,
            Some(RefreshAfter::Age(age)) => ttl.saturating_sub(age),
            Some(RefreshAfter::Percent(percent)) => ttl.mul_f64(f64::from(100 - percent.min(100)) / 100.0),
        };
        Self {
            // The shortest life that the jitter leaves must begin before the refresh.
            lead: rest.mul_f64(1.0 - f64::from(policy.jitter_percent) / 100.0),
            while_revalidate: policy.stale_while_revalidate.min(LONGEST_LIFE),
            if_error,
        }
    }

    /// That of values that are of no use after the end of their life.
    pub(crate) fn without_old_values(self) -> Self {
        Self { lead: self.lead, ..Self::NONE }
    }

    /// How long the tiers keep an entry after the end of its life.
    pub(crate) fn kept(&self) -> Duration {
        self.while_revalidate.max(self.if_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNLIMITED: fn() -> Option<Duration> = || Some(Duration::MAX);

    #[test]
    fn a_lifetime_is_bounded_by_the_ttl_and_the_jitter() {
        let policy = ReadPolicy::new(Duration::from_secs(100)).negative_ttl(Duration::from_secs(10)).jitter_percent(20);
        let table = [(false, 0.0, 100), (false, 1.0, 80), (false, 0.5, 90), (true, 0.0, 10), (true, 1.0, 8)];
        for (absent, chance, seconds) in table {
            assert_eq!(
                lifetime(&policy, absent, UNLIMITED, chance),
                Some(Duration::from_secs(seconds)),
                "{absent} {chance}"
            );
        }
    }

    #[test]
    fn a_refresh_begins_within_every_life_that_the_jitter_leaves() {
        let second = Duration::from_secs(1);
        for percent in [0, 10, 50] {
            let policy = ReadPolicy::new(second * 100).negative_ttl(second * 10).jitter_percent(percent);
            for policy in [policy.refresh_after(second), policy.refresh_after_percent(1)] {
                for absent in [false, true] {
                    let shortest = lifetime(&policy, absent, UNLIMITED, 1.0).unwrap();
                    assert!(Staleness::of(&policy, absent, true).lead < shortest, "{percent} {absent}");
                }
            }
        }
        let exact = ReadPolicy::new(second * 100).negative_ttl(second * 10).jitter_percent(0);
        let leads =
            |policy: ReadPolicy| [false, true].map(|absent| Staleness::of(&policy, absent, true).lead.as_secs());
        assert_eq!(leads(exact), [0, 0]);
        assert_eq!(leads(exact.refresh_after(second * 80)), [20, 0], "an absence does not live that long");
        assert_eq!(leads(exact.refresh_after_percent(80)), [20, 2]);
        assert_eq!(leads(exact.refresh_after_percent(200)), [0, 0]);
        assert_eq!(leads(exact.refresh_after(Duration::MAX)), [0, 0]);
        assert_eq!(leads(exact.refresh_after(Duration::ZERO)), [100, 10]);
    }

    #[test]
    fn an_unlimited_lifetime_is_ten_years() {
        let policy = ReadPolicy::new(Duration::MAX).negative_ttl(Duration::MAX).jitter_percent(0);
        assert_eq!([false, true].map(|absent| lifetime(&policy, absent, UNLIMITED, 1.0)), [Some(LONGEST_LIFE); 2]);
    }

    #[test]
    fn a_value_without_lifetime_is_not_cached() {
        let second = Duration::from_secs(1);
        assert_eq!(lifetime(&ReadPolicy::new(second), true, UNLIMITED, 0.0), None);
        assert_eq!(lifetime(&ReadPolicy::new(Duration::ZERO), false, UNLIMITED, 0.0), None);
        assert_eq!(lifetime(&ReadPolicy::new(second).enabled(false), false, UNLIMITED, 0.0), None);
        assert_eq!(lifetime(&ReadPolicy::new(second), false, || None, 0.0), None);
        assert_eq!(lifetime(&ReadPolicy::new(second), false, || Some(Duration::ZERO), 0.0), None);
    }

    #[test]
    fn the_life_of_a_value_is_bounded_by_the_ttl_and_shortened_by_the_jitter() {
        let second = Duration::from_secs(1);
        let policy = ReadPolicy::new(second * 100).jitter_percent(20);
        for (own, chance, seconds) in [(50, 0.0, 50), (50, 1.0, 40), (100, 0.0, 100), (500, 0.0, 100), (500, 1.0, 80)] {
            let life = lifetime(&policy, false, || Some(second * own), chance);
            assert_eq!(life, Some(Duration::from_secs(seconds)), "{own} {chance}");
        }
    }
}
