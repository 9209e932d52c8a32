//! Conversations with an assistant, their access rules, and their messages.
//!
//! They are read often, and written with every message.

mod access;
mod check;
mod clock;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod rows;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod types;
mod words;

pub use access::{may_administer, may_delete, may_read, may_write};
pub use memory::MemoryConversationStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresConversationStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteConversationStore;
pub use store::{CachingConversationStore, CachingConversationStoreBuilder, ConversationStore};
pub use types::{CompactionFilter, Conversation, Message, NewConversation, NewMessage, SharingUpdate, Trace};
pub use words::{AuthorizationModel, ConversationStatus, MessageRole, ShareAudience, TenantAccess};
