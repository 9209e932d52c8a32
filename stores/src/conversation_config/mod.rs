//! Settings for merging, compressing and compacting conversations.
//!
//! They exist for all tenants, for a tenant, and for a user of a tenant. A service reads them once for each
//! conversation; admins and the users themselves write them.

mod check;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod database;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod dialect;
mod effective;
mod memory;
mod place;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod rows;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
mod store;
mod types;

#[cfg(feature = "postgres")]
pub use database::PostgresConversationConfigStore;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use database::SqlConversationConfigStore;
#[cfg(feature = "sqlite")]
pub use database::SqliteConversationConfigStore;
pub use memory::MemoryConversationConfigStore;
pub use store::{CachingConversationConfigStore, CachingConversationConfigStoreBuilder, ConversationConfigStore};
pub use types::{ConfigLevel, ConfigSettings, ConversationConfig, MergeCompression, PathCompression};
