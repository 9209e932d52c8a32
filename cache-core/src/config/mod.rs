//! Building a cache: in code, or from the environment.

mod builder;
pub(crate) mod env;

pub use builder::CacheBuilder;
pub(crate) use builder::Settings;
