//! The metrics of the cache, for the `metrics` facade.
//!
//! A handle is resolved once, when a cache or a region is built. A hit of the local tier does not call the facade: hits
//! are counted in [`Sharded`](super::Sharded), and a task of the cache publishes the totals every second.

mod cache;
#[cfg(feature = "metrics")]
mod handles;
#[cfg(not(feature = "metrics"))]
#[path = "no_handles.rs"]
mod handles;
mod method;
pub(crate) mod names;

pub(crate) use cache::{CacheMeter, Levels};
pub(crate) use handles::Timing;
pub(crate) use method::{MethodMeter, Totals};
