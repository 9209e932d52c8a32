//! Conversations with an assistant, who may see them, and their messages. Read often, written with every message.

mod access;
mod check;
mod clock;
mod memory;
mod postgres;
mod rows;
mod sql;
mod sqlite;
mod store;
mod types;
mod words;

pub use access::{may_administer, may_delete, may_read, may_write};
pub use memory::MemoryConversationStore;
pub use postgres::PostgresConversationStore;
pub use sqlite::SqliteConversationStore;
pub use store::{CachingConversationStore, CachingConversationStoreBuilder, ConversationStore};
pub use types::{CompactionFilter, Conversation, Message, NewConversation, NewMessage, SharingUpdate, Trace};
pub use words::{AuthorizationModel, ConversationStatus, MessageRole, ShareAudience, TenantAccess};
