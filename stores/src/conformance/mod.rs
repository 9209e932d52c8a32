//! What every implementation of a store does, as suites that an implementation of one's own can run too.
//!
//! A suite wants a store that holds nothing, leaves it so, and returns how many checks it made. That of the conversations,
//! which nobody can delete, works in new tenants of its own instead. A check that fails is a panic with its name. Decorated
//! stores pass the same suites.

mod checks;
mod conversation;
mod conversation_config;
mod policy;

pub use conversation::conversation_store;
pub use conversation_config::conversation_config_store;
pub use policy::policy_store;
