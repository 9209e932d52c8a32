//! Namespaces, and the owners of the keys in a cache.
//!
//! Two stores with the same keys would return each other's rows. Three mechanisms prevent this: a second decorator with
//! names that are in use in the cache is not built ([`Claims`]); an envelope carries the identity of its source and its
//! method, which turns a mix-up between processes into a miss; and a warning names the remedy ([`Mixups`]).

mod claims;
mod mixups;
mod namespace;
mod place;

pub use claims::Claim;
pub(crate) use claims::Claims;
pub(crate) use mixups::Mixups;
pub use namespace::Namespace;
pub(crate) use place::Kind;
pub use place::{Place, StoreSpec};
