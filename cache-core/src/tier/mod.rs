//! Where entries are kept.

pub(crate) mod local;
pub(crate) mod remote;
