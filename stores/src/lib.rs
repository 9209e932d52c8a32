//! Ready-made stores of a multi-tenant LLM service, each behind a caching decorator.
//!
//! A store is a trait of async methods with three implementations that pass one conformance suite: in memory for
//! development and tests, SQLite for one process that brings its database along, Postgres for everything else. The
//! implementations are plain: what is cached, for how long and what a write invalidates stands on the trait.
//!
//! | store | what it keeps | read |
//! | --- | --- | --- |
//! | [`policy`] | which models a tenant may use, and where its requests may go | on every LLM request |
//! | [`conversation`] | conversations, who may see them, and their messages | often; written with every message |
//! | [`conversation_config`] | how conversations are merged, compressed and compacted | once a conversation |
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `postgres` | yes | the stores on Postgres |
//! | `sqlite` | yes | the stores on SQLite, which is compiled in |
//! | `tls` | yes | encrypted connections to Postgres and Redis |
//! | `testing` | no | the conformance suites, for implementations of one's own |
//!
//! The default features of `cache-core` are among the default features of this crate. Without them a program names
//! those that it needs, such as `redis` of `cache-core` for the shared tier.
//!
//! Rows that are written without a store (by SQL, by another service) are seen when the entry's time to live ends.

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
