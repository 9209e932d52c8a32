//! How conversations are merged, compressed and compacted: for everybody, for a tenant, for a user of a tenant. Read
//! once a conversation, written by admins and by the users themselves.

mod check;
mod effective;
mod memory;
mod place;
mod postgres;
mod rows;
mod sql;
mod sqlite;
mod store;
mod types;

pub use memory::MemoryConversationConfigStore;
pub use postgres::PostgresConversationConfigStore;
pub use sqlite::SqliteConversationConfigStore;
pub use store::{CachingConversationConfigStore, CachingConversationConfigStoreBuilder, ConversationConfigStore};
pub use types::{ConfigLevel, ConfigSettings, ConversationConfig, MergeCompression, PathCompression};
