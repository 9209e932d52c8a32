//! The local tier and the shared tier.
//!
//! Both only store and find: `local` has typed values in the process, `shared` has bytes and the state of the scopes.
//! Which of them answers a read, and whether its answer is current, is decided in `engine`.

pub(crate) mod local;
pub(crate) mod shared;
