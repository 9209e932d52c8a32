//! Whose entries are whose: namespaces, and who uses which keys of a cache.
//!
//! Two stores whose keys are the same text would answer with each other's rows. Three things prevent it: a name that is
//! taken in a cache is refused when the second decorator is built ([`Claims`]); an envelope carries the identity of its
//! source and of its method, so that a mix-up between processes is a miss; and a warning names the remedy ([`Mixups`]).

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
