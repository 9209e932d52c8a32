//! Settings, their ranges, and the variables of the environment.
//!
//! `settings` has every setting with its default, `limits` the range of every number and time, and `variables` reads
//! text as types. The builder sets them, and nothing changes them afterwards: a running cache has fixed settings.

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
