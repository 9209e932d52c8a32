//! Implementations of `CacheKey` for durations, moments and dates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::parts::same_as_equal;
use super::{CacheKey, KeyWriter};

impl CacheKey for Duration {
    fn write_key(&self, out: &mut KeyWriter) {
        out.display(&format_args!("{}.{:09}", self.as_secs(), self.subsec_nanos()));
    }

    same_as_equal!();
}

impl CacheKey for SystemTime {
    /// The seconds since 1970.
    fn write_key(&self, out: &mut KeyWriter) {
        let (sign, span) = match self.duration_since(UNIX_EPOCH) {
            Ok(span) => ("", span),
            Err(before) => ("-", before.duration()),
        };
        out.display(&format_args!("{sign}{}.{:09}", span.as_secs(), span.subsec_nanos()));
    }

    same_as_equal!();
}

#[cfg(feature = "chrono")]
mod of_chrono {
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _, Utc};

    use super::{CacheKey, KeyWriter, same_as_equal};

    /// The mark of a leap second, whose `Display` may be that of the next second.
    fn leap(nanosecond: u32) -> &'static str {
        if nanosecond >= 1_000_000_000 { "/leap" } else { "" }
    }

    impl CacheKey for NaiveDate {
        fn write_key(&self, out: &mut KeyWriter) {
            out.display(self);
        }

        same_as_equal!();
    }

    impl CacheKey for NaiveTime {
        fn write_key(&self, out: &mut KeyWriter) {
            out.display(&format_args!("{self}{}", leap(self.nanosecond())));
        }

        same_as_equal!();
    }

    impl CacheKey for NaiveDateTime {
        fn write_key(&self, out: &mut KeyWriter) {
            out.display(&format_args!("{self}{}", leap(self.nanosecond())));
        }

        same_as_equal!();
    }

    impl CacheKey for DateTime<Utc> {
        fn write_key(&self, out: &mut KeyWriter) {
            self.naive_utc().write_key(out);
        }

        same_as_equal!();
    }
}

#[cfg(feature = "time")]
mod of_time {
    use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcDateTime};

    use super::{CacheKey, KeyWriter, same_as_equal};

    macro_rules! written_as_display {
        ($($type:ty),*) => {$(
            impl CacheKey for $type {
                fn write_key(&self, out: &mut KeyWriter) {
                    out.display(self);
                }

                same_as_equal!();
            }
        )*};
    }

    written_as_display!(Date, Time, PrimitiveDateTime);

    impl CacheKey for UtcDateTime {
        /// The nanoseconds since 1970.
        fn write_key(&self, out: &mut KeyWriter) {
            out.display(&self.unix_timestamp_nanos());
        }

        same_as_equal!();
    }

    impl CacheKey for OffsetDateTime {
        /// The nanoseconds since 1970: moments are equal whatever their offset.
        fn write_key(&self, out: &mut KeyWriter) {
            out.display(&self.unix_timestamp_nanos());
        }

        same_as_equal!();
    }
}
