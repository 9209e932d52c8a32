//! The metrics and health of a cache, and the findings of its verifier.

mod health;
mod metrics;
pub(super) mod recorder;
mod spans;
mod table;
mod verifier;
