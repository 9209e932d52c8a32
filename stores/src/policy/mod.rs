//! Which models a tenant may use, and where its requests may go. Read on every LLM request, written by admins.

mod check;
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

pub use memory::MemoryPolicyStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresPolicyStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqlitePolicyStore;
pub use store::{CachingPolicyStore, CachingPolicyStoreBuilder, PolicyStore};
pub use types::{EgressMode, TaskPolicy, TenantPolicy, UserPolicy};
