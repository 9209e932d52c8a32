//! Ready-made stores of a multi-tenant LLM service, each behind a caching decorator.
//!
//! A store is a trait of async methods with three implementations that pass one conformance suite: in memory for
//! development and tests, SQLite for one process with an embedded database, Postgres for everything else. The
//! implementations know nothing of caches: annotations on the trait define what is cached, for how long, and which
//! entries a write invalidates.
//!
//! | store | contents | read |
//! | --- | --- | --- |
//! | [`policy`] | the models that a tenant may use, and the destinations of its requests | on every LLM request |
//! | [`conversation`] | conversations, their access rules, and their messages | often; written with every message |
//! | [`conversation_config`] | settings for merging, compressing and compacting conversations | once for each conversation |
//!
//! | feature | default | contents |
//! | --- | --- | --- |
//! | `postgres` | yes | the stores on Postgres |
//! | `sqlite` | yes | the stores on SQLite, which is compiled in |
//! | `tls` | yes | encrypted connections to Postgres and Redis |
//! | `testing` | no | the conformance suites, for your own implementations |
//!
//! The default features of `cache-core` are among the default features of this crate. Without them a program names
//! those that it needs, such as `redis` of `cache-core` for the shared tier.
//!
//! Readers see rows that were written without a store (by SQL, by another service) when the entry's time to live ends.

// Without both databases only the stores in memory remain, and the code that the SQL stores share is unused.
#![cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    allow(dead_code, unused_variables, clippy::unused_async)
)]

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod backend;
pub mod config;
#[cfg(feature = "testing")]
pub mod conformance;
pub mod conversation;
pub mod conversation_config;
mod error;
mod factory;
mod ids;
mod page;
pub mod policy;
mod words;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use backend::{Migrate, migrate};
pub use config::StoresConfig;
pub use error::{StoreError, StoreErrorKind};
pub use factory::Stores;
pub use ids::{ConversationId, MessageId, PathId, TenantId, UserId};
pub use page::{Cursor, MAX_PAGE_LIMIT, Page, PageRequest};
