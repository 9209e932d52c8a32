//! The local tier and the shared tier.

pub(crate) mod local;
pub(crate) mod shared;
