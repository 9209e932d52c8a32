//! Chance: tokens and jitter.

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

/// Half of `span` up to all of it: instances that start to wait together do not end together.
pub(crate) fn upper_half(span: Duration) -> Duration {
    span.mul_f64(0.5 + fraction() / 2.0)
}
