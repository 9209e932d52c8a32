//! The lifetime of an entry: a pure function of the policy, the kind of result and a random fraction.

use std::time::Duration;

use super::ReadPolicy;
use crate::config::limits::LONGEST_LIFE;

/// Returns the lifetime of a value from the start of its load, if it is cached.
///
/// `chance` is a fraction from 0 to 1, and values outside count as the nearer end. Jitter only shortens a lifetime: the
/// time to live is an upper bound. A disabled method, a life of zero and an absence without a `negative_ttl` are not
/// cached. Lives longer than ten years are cut, because Redis and `moka` cannot represent all of them.
pub(crate) fn lifetime(policy: &ReadPolicy, absent: bool, chance: f64) -> Option<Duration> {
    let ttl = if absent { policy.negative_ttl? } else { policy.ttl }.min(LONGEST_LIFE);
    let cut = f64::from(policy.jitter_percent) / 100.0 * chance.clamp(0.0, 1.0);
    Some(ttl.mul_f64(1.0 - cut)).filter(|life| policy.enabled && !life.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_bounded_by_the_ttl_and_the_jitter() {
        let policy = ReadPolicy::new(Duration::from_secs(100)).negative_ttl(Duration::from_secs(10)).jitter_percent(20);
        let table = [(false, 0.0, 100), (false, 1.0, 80), (false, 0.5, 90), (true, 0.0, 10), (true, 1.0, 8)];
        for (absent, chance, seconds) in table {
            assert_eq!(lifetime(&policy, absent, chance), Some(Duration::from_secs(seconds)), "{absent} {chance}");
        }
    }

    #[test]
    fn an_unlimited_lifetime_is_ten_years() {
        let policy = ReadPolicy::new(Duration::MAX).negative_ttl(Duration::MAX).jitter_percent(0);
        assert_eq!([false, true].map(|absent| lifetime(&policy, absent, 1.0)), [Some(LONGEST_LIFE); 2]);
    }

    #[test]
    fn a_value_without_lifetime_is_not_cached() {
        let second = Duration::from_secs(1);
        assert_eq!(lifetime(&ReadPolicy::new(second), true, 0.0), None);
        assert_eq!(lifetime(&ReadPolicy::new(Duration::ZERO), false, 0.0), None);
        assert_eq!(lifetime(&ReadPolicy::new(second).enabled(false), false, 0.0), None);
    }
}
