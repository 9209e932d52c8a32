//! What a cache tells of itself: metrics, health, and what its verifier finds.

mod health;
mod metrics;
mod recorder;
mod table;
mod verifier;
