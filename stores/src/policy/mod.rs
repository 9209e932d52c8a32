//! Which models a tenant may use, and where its requests may go. Read on every LLM request, written by admins.

mod check;
mod memory;
mod postgres;
mod rows;
mod sql;
mod sqlite;
mod store;
mod types;

pub use memory::MemoryPolicyStore;
pub use postgres::PostgresPolicyStore;
pub use sqlite::SqlitePolicyStore;
pub use store::{CachingPolicyStore, CachingPolicyStoreBuilder, PolicyStore};
pub use types::{EgressMode, TaskPolicy, TenantPolicy, UserPolicy};
