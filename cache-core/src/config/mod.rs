//! Builds a cache, in code or from the environment.

mod builder;
#[cfg(feature = "redis")]
mod endpoint;
mod env;
mod key_prefix;
pub(crate) mod limits;
#[cfg(feature = "redis")]
mod secret;
mod variables;

pub use builder::CacheBuilder;
pub(crate) use builder::Settings;
pub use variables::Variables;
