//! Settings, their ranges, and the variables of the environment.

pub(crate) mod key_prefix;
pub(crate) mod limits;
#[cfg(feature = "redis")]
mod secret;
mod settings;
mod variables;

#[cfg(feature = "redis")]
pub(crate) use secret::Secret;
pub(crate) use settings::Settings;
pub use variables::Variables;
pub(crate) use variables::shown;
