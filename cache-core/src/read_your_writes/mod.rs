//! Read-your-writes across instances.

mod token;
mod track;

pub use token::SessionToken;
pub(crate) use track::note;
