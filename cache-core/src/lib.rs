//! Caching decorators for async store traits.
//!
//! Annotate a trait with [`cached_store`], and each of its methods with its effect on the cache. The macro generates
//! the decorator: keys, lifetimes and invalidation, checked at compile time. Values are cached in the process (*local
//! tier*) and in Redis (*shared tier*), with guarantees about what a reader may see.
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::{Arc, Mutex};
//!
//! use cache_core::{Cache, CacheValue, cached_store};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CacheValue)]
//! pub struct Profile {
//!     name: String,
//! }
//!
//! #[derive(Clone, Debug)]
//! pub struct StoreError(String);
//!
//! // Optional: a load that panics or hangs then becomes an error of the store.
//! impl From<cache_core::Error> for StoreError {
//!     fn from(error: cache_core::Error) -> Self {
//!         Self(error.to_string())
//!     }
//! }
//!
//! #[cached_store(namespace = "shop:users")]
//! pub trait ProfileStore: Send + Sync {
//!     #[cached(entity = "profile", key(user), ttl = "5m", negative_ttl = "30s")]
//!     async fn get_profile(&self, user: u64) -> Result<Option<Arc<Profile>>, StoreError>;
//!
//!     #[invalidates(get_profile(user))]
//!     async fn set_profile(&self, user: u64, profile: &Profile) -> Result<(), StoreError>;
//! }
//!
//! /// The store knows nothing of caches. A real one has a database.
//! #[derive(Default)]
//! struct Table(Mutex<HashMap<u64, Arc<Profile>>>);
//!
//! impl ProfileStore for Table {
//!     async fn get_profile(&self, user: u64) -> Result<Option<Arc<Profile>>, StoreError> {
//!         Ok(self.0.lock().unwrap().get(&user).cloned())
//!     }
//!
//!     async fn set_profile(&self, user: u64, profile: &Profile) -> Result<(), StoreError> {
//!         self.0.lock().unwrap().insert(user, Arc::new(profile.clone()));
//!         Ok(())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), StoreError> {
//!     // A service with several processes: `Cache::builder().redis("redis://…").build()?`, or `Cache::from_env()?`.
//!     let cache = Cache::single_instance();
//!     let profiles = CachingProfileStore::new(Arc::new(Table::default()), &cache);
//!
//!     assert_eq!(profiles.get_profile(7).await?, None); // asks the store, and caches the absence
//!     assert_eq!(profiles.get_profile(7).await?, None); // a local hit
//!     assert_eq!(cache.stats().total().loads, 1);
//!
//!     let ada = Profile { name: "Ada".to_owned() };
//!     profiles.set_profile(7, &ada).await?; // writes, and invalidates the entry on every instance
//!     assert_eq!(profiles.get_profile(7).await?.as_deref(), Some(&ada));
//!     Ok(())
//! }
//! ```
//!
//! The decorator `CachingProfileStore` implements `ProfileStore` itself. It also has, for each read method `x`,
//! `peek_x` (returns what the local tier has, without I/O) and `invalidate_x` (makes one entry stale on every
//! instance), and for the whole store `invalidate_all`, `backing` (the store behind it), `builder` (options at run
//! time), `fresh`, `uncached` and `cached_only`, whose reads use the cache in another way, and `with_info`, whose reads also
//! return a [`CacheInfo`].
//!
//! # Where to start
//!
//! | you want to | see |
//! | --- | --- |
//! | annotate a trait | [`cached_store`], [`CacheKey`], [`CacheValue`] |
//! | connect to Redis, set time limits | [`Cache`], [`CacheBuilder`] |
//! | change options of a method at run time | [`ReadPolicy`] |
//! | cache a function, or values without a store | [`Cache::region`], [`Cache::transparent`] |
//! | let a user read their own writes on every instance | [`Cache::track`], [`SessionToken`] |
//! | know the source and the age of a value | [`CacheInfo`] |
//! | monitor a service | [`Cache::health`], [`Cache::stats`], [`docs::metrics`], [`docs::spans`] |
//! | test code that uses decorators | [`docs::testing`] |
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
//! | `upstash` | no | Redis over HTTP (`https://`), as Upstash offers it |
//! | `metrics` | yes | counters and measurements, through the facade of the `metrics` crate: [the table](docs::metrics) |
//! | `moka` | yes | the second engine of the local tier |
//! | `json`, `postcard` | yes | codecs beside `MessagePack`; with `json`, snapshots of keys |
//! | `uuid` | no | key parts and value fields of type `uuid::Uuid` |
//! | `chrono`, `time` | no | key parts that are dates and times of these crates |
//! | `testing` | no | a manual clock, fault injection, negative controls: [`docs::testing`] |
//!
//! # Limits by design
//!
//! It never returns an error of Redis to a caller, never scans or deletes keys in Redis, and never compares clocks of
//! two machines. It serves no expired value without an option that says so, and none that a write has invalidated. It caches
//! what the store returns: a store that reads from a lagging replica fills the cache with the replica's values.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod breaker;
mod builder;
mod cache;
mod cache_info;
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
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
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
pub use cache_info::{CacheInfo, CacheSource};
pub use codec::Codec;
pub use config::Variables;
#[cfg(feature = "json")]
pub use engine::KeySnapshot;
pub use engine::{Region, TagFamily, Warmed, Warming, WriteGuard};
pub use error::{Error, ErrorKind, LoadError, WriteError};
pub use health::{Health, LinkStatus, Status};
pub use key::{CacheKey, KeyPart, KeyWriter, Lookup};
pub use observability::{MethodStats, Stats};
pub use ownership::Namespace;
pub use policy::{LocalEngine, ReadPolicy};
pub use protocol::{Backend, Mode, Scope, Shard};
pub use read_your_writes::SessionToken;
pub use runtime::Clock;
pub use tier::shared::{MemoryRemote, Remote};
/// The lock around the store of a trait with `#[cached_store(exclusive = lock)]`.
///
/// It is that of tokio.
pub use tokio::sync::RwLock;
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
