//! The models that a tenant may use, and the destinations of its requests.
//!
//! A service reads them on every LLM request; admins write them.

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
