//! Building a cache: in code, or from the environment.

mod builder;
#[cfg(feature = "redis")]
mod endpoint;
mod env;
#[cfg(feature = "redis")]
mod secret;
mod variables;

pub use builder::CacheBuilder;
pub(crate) use builder::Settings;
pub use variables::Variables;
