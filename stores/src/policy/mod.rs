//! The models that a tenant may use, and the destinations of its requests.
//!
//! A service reads them on every LLM request; admins write them.

mod check;
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

#[cfg(feature = "postgres")]
pub use database::PostgresPolicyStore;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use database::SqlPolicyStore;
#[cfg(feature = "sqlite")]
pub use database::SqlitePolicyStore;
pub use memory::MemoryPolicyStore;
pub use store::{CachingPolicyStore, CachingPolicyStoreBuilder, PolicyStore};
pub use types::{EgressMode, TaskPolicy, TenantPolicy, UserPolicy};
