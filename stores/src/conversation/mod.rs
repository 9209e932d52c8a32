//! Conversations with an assistant, their access rules, and their messages.
//!
//! They are read often, and written with every message.

mod access;
mod check;
mod clock;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod database;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod dialect;
mod memory;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod rows;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
mod store;
mod types;
mod words;

pub use access::{may_administer, may_delete, may_read, may_write};
#[cfg(feature = "postgres")]
pub use database::PostgresConversationStore;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use database::SqlConversationStore;
#[cfg(feature = "sqlite")]
pub use database::SqliteConversationStore;
pub use memory::MemoryConversationStore;
pub use store::{CachingConversationStore, CachingConversationStoreBuilder, ConversationStore};
pub use types::{CompactionFilter, Conversation, Message, NewConversation, NewMessage, SharingUpdate, Trace};
pub use words::{AuthorizationModel, ConversationStatus, MessageRole, ShareAudience, TenantAccess};
