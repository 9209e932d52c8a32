//! The shared tier: in Redis, or in memory.

mod memory;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use std::sync::Arc;

pub use memory::MemoryRemote;

use crate::protocol::SharedTier;

/// A shared tier for [`CacheBuilder::remote`](crate::CacheBuilder::remote).
#[derive(Debug, Clone)]
pub struct Remote(pub(crate) Arc<dyn SharedTier>);
