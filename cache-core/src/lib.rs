//! Caching decorators for async store traits.
//!
//! Annotate a trait with [`cached_store`], and each of its methods with its effect on the cache. The macro generates
//! the decorator: keys, lifetimes and invalidation, checked at compile time. Values are cached in the process (*local
//! tier*) and in Redis (*shared tier*), with guarantees about what a reader may see.
//!
//! # What a reader may see
//!
//! - After a write has returned, no read that starts later and is answered by the shared tier or the store returns an
//!   older value, on any instance.
//! - A local hit reflects every write that returned more than the lease ago (1 s by default). Usually it reflects a
//!   write after one message on the bus. In mode [`Strict`](Mode::Strict) it reflects every write that has returned.
//! - An instance always reads its own writes, even while Redis is down. Another instance reads them in a request that
//!   presents a [`SessionToken`].
//!
//! [`docs::consistency`] lists the events that break a guarantee, and for how long. [`docs::failure_modes`] lists all
//! failures, their symptoms, and what to do.
//!
//! # Features
//!
//! | feature | default | |
//! | --- | --- | --- |
//! | `redis` | yes | the shared tier on Redis |
//! | `tls` | yes | encrypted connections to it (`rediss://`) |
//! | `metrics` | yes | counters and measurements, through the facade of the `metrics` crate: [the table](docs::metrics) |
//! | `moka` | yes | the second engine of the local tier |
//! | `json`, `postcard` | yes | codecs beside `MessagePack` |
//! | `uuid` | no | key parts and value fields of type `uuid::Uuid` |
//! | `testing` | no | a manual clock, fault injection, negative controls |

mod breaker;
mod builder;
mod cache;
#[cfg(feature = "testing")]
mod call_trace;
mod codec;
mod coherence;
mod config;
pub mod docs;
mod engine;
mod error;
mod freshness;
#[cfg(test)]
mod fuzz;
mod health;
mod key;
mod macro_support;
mod observability;
mod ownership;
mod policy;
mod process;
mod protocol;
mod read_your_writes;
mod runtime;
mod single_flight;
#[cfg(feature = "testing")]
pub mod testing;
mod tier;
mod transparent;
mod value;

pub use builder::CacheBuilder;
pub use cache::Cache;
pub use cache_derive::{CacheKey, CacheValue, cached_store};
pub use codec::Codec;
pub use config::Variables;
pub use engine::{Region, WriteGuard};
pub use error::{Error, ErrorKind, WriteError};
pub use health::{Health, LinkStatus, Status};
pub use key::{CacheKey, KeyPart, KeyWriter, Lookup};
pub use observability::{MethodStats, Stats};
pub use ownership::Namespace;
pub use policy::{LocalEngine, ReadPolicy};
pub use protocol::{Backend, Mode, Scope};
pub use read_your_writes::SessionToken;
pub use runtime::Clock;
pub use tier::shared::{MemoryRemote, Remote};
pub use transparent::TransparentCache;
pub use value::{CacheValue, Cacheable};

/// What generated code uses. A release that changes it gets a module of another name, so that code of another version
/// of the macros does not compile against it.
#[doc(hidden)]
pub mod __macro {
    pub mod v1 {
        pub use crate::macro_support::*;
    }
}
