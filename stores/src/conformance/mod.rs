//! Conformance suites for every implementation of a store, including your own.
//!
//! A suite requires an empty store, leaves it empty, and returns the number of checks. Conversations cannot be deleted,
//! so their suite works in new tenants instead. A check that fails panics with its name. Decorated stores pass the same
//! suites.

mod checks;
mod conversation;
mod conversation_config;
mod policy;

pub use conversation::conversation_store;
pub use conversation_config::conversation_config_store;
pub use policy::policy_store;
