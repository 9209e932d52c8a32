//! What a read method caches, for how long, and where. Pure: nothing here touches time, chance or sockets by itself.

mod mode;
mod read_policy;
mod ttl;

pub use mode::Mode;
pub use read_policy::{LocalEngine, ReadPolicy};
pub(crate) use ttl::lifetime;
