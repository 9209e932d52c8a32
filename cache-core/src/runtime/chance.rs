//! Chance: tokens and jitter.

use std::num::NonZeroU32;
use std::time::Duration;

/// A token that no other instance has. It is compared for equality only.
pub(crate) fn token() -> u64 {
    rand::random()
}

/// A token as text: 16 hexadecimal digits.
pub(crate) fn token_text() -> String {
    format!("{:016x}", token())
}

/// A fraction of the range from 0 to 1.
pub(crate) fn fraction() -> f64 {
    rand::random()
}

/// Says yes once in so many times, on average.
pub(crate) fn one_in(times: NonZeroU32) -> bool {
    rand::random_ratio(1, times.get())
}

/// Half of `span` up to all of it: instances that start to wait together do not end together.
pub(crate) fn upper_half(span: Duration) -> Duration {
    span.mul_f64(0.5 + fraction() / 2.0)
}
