//! Random tokens and jitter.
//!
//! A token distinguishes writers, generations and instances. It is no secret, and of 64 bits, so that a repetition is
//! implausible.

use std::num::NonZeroU32;
use std::time::Duration;

/// Returns a token that no other instance has. It is only compared for equality.
pub(crate) fn token() -> u64 {
    rand::random()
}

/// Returns a token as 16 hexadecimal digits.
pub(crate) fn token_text() -> String {
    format!("{:016x}", token())
}

/// Returns a random fraction from 0 to 1.
pub(crate) fn fraction() -> f64 {
    rand::random()
}

/// Returns true with probability 1/`times`.
pub(crate) fn one_in(times: NonZeroU32) -> bool {
    rand::random_ratio(1, times.get())
}

/// Returns a random part of `span`, between half and all of it.
///
/// Instances that start to wait together therefore end at different times.
pub(crate) fn upper_half(span: Duration) -> Duration {
    span.mul_f64(0.5 + fraction() / 2.0)
}
