//! Read-your-writes across instances.
//!
//! An instance always reads its own writes. If the requests of a user go to several instances, another one may have a
//! local hit from before the write, for at most the lease. `track` collects the scopes of the writes of a request, a
//! [`SessionToken`] carries their hashes to the client and back, and observing it makes the local entries of these
//! scopes stale on the instance that received it. No state is kept on a server, and requests without a token cost
//! nothing.

mod token;
mod track;

pub use token::SessionToken;
pub(crate) use track::note;
