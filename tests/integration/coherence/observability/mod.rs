//! What a cache tells of itself: metrics and health.

mod health;
mod metrics;
mod recorder;
mod table;
