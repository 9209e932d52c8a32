//! Times as every implementation stores them: whole microseconds, years of four digits.

use chrono::{DateTime, TimeDelta, Utc};

/// 0001-01-01T00:00:00Z.
const FIRST: DateTime<Utc> = at(-62_135_596_800);

/// 9999-12-31T23:59:59Z.
const LAST: DateTime<Utc> = at(253_402_300_799);

const MICROSECOND: TimeDelta = TimeDelta::microseconds(1);

const fn at(seconds: i64) -> DateTime<Utc> {
    match DateTime::from_timestamp(seconds, 0) {
        Some(time) => time,
        None => panic!("in the range of times"),
    }
}

/// The time of this process.
pub(super) fn now() -> DateTime<Utc> {
    kept(Utc::now())
}

/// `now`, or just after the later one of these if the clock was set back.
pub(super) fn now_after(created: DateTime<Utc>, last: Option<DateTime<Utc>>) -> DateTime<Utc> {
    now().max(created).max(last.map_or(FIRST, |last| last + MICROSECOND))
}

/// The time as it is stored: truncated to microseconds, within years of four digits.
///
/// Every database orders these years alike.
pub(super) fn kept(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(FIRST).clamp(FIRST, LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_truncated_and_never_rounded_up() {
        let time = DateTime::from_timestamp(1, 1_999).unwrap();
        assert_eq!(kept(time), DateTime::from_timestamp(1, 1_000).unwrap());
        assert_eq!(kept(DateTime::<Utc>::MAX_UTC), LAST);
        assert_eq!(kept(DateTime::<Utc>::MIN_UTC), FIRST);
        assert_eq!((FIRST.to_rfc3339(), LAST.to_rfc3339().len()), ("0001-01-01T00:00:00+00:00".into(), 25));
    }

    #[test]
    fn a_clock_set_back_moves_no_time_back() {
        let ahead = now() + TimeDelta::hours(1);
        assert_eq!(now_after(ahead, None), ahead);
        assert_eq!(now_after(FIRST, Some(ahead)), ahead + MICROSECOND);
        assert!(now_after(FIRST, Some(FIRST)) > FIRST + TimeDelta::hours(1));
    }
}
