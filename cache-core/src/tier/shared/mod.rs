//! The shared tier: in Redis, or in memory.
//!
//! Both implement `SharedTier`, which has one method for each round trip of the protocol. `memory` is the reference for
//! their semantics, and `redis` is the only module that names a type of the Redis client. Every race is tested over
//! both. A tier decides nothing: it executes operations and returns states, and `engine` draws the conclusions.

mod memory;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use std::sync::Arc;

pub use memory::MemoryRemote;

use crate::protocol::SharedTier;

/// A shared tier for [`CacheBuilder::remote`](crate::CacheBuilder::remote).
///
/// [`MemoryRemote`] converts into it, as does `testing::ChaosRemote`. Cheap to clone; clones are the same tier.
///
/// # Examples
///
/// ```
/// use cache_core::{MemoryRemote, Remote};
///
/// let remote: Remote = MemoryRemote::new().into();
/// let one = cache_core::Cache::builder().remote(remote.clone());
/// let two = cache_core::Cache::builder().remote(remote);
/// # let _ = (one, two);
/// ```
#[derive(Debug, Clone)]
pub struct Remote(pub(crate) Arc<dyn SharedTier>);
