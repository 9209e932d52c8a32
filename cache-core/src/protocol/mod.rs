//! The vocabulary of the coherence protocol: what instances and a shared tier exchange, and how they name it.
//!
//! It defines the units of invalidation ([`Scope`]), what versions them ([`Generation`], [`Epoch`]), what an entry
//! carries of both ([`Fence`], [`envelope`]), the names and messages on the wire ([`key_names`], [`Message`],
//! [`wire`](grammar)), and the operations of a shared tier ([`TierConnection`]). It does no I/O and holds no state.

mod backend;
pub(crate) mod envelope;
mod error;
mod fence;
mod generation;
pub(crate) mod grammar;
#[cfg(feature = "redis")]
pub(crate) mod key_names;
mod members;
mod message;
mod mode;
mod protection;
mod scope;
mod tier;

pub use backend::Backend;
pub(crate) use error::{TierError, TierErrorKind};
pub(crate) use fence::{Epoch, Fence};
pub(crate) use generation::{Generation, ScopeState, ScopeStates};
pub(crate) use members::{Member, Members};
pub(crate) use message::Message;
pub use mode::Mode;
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "public with the feature `testing`"))]
pub use protection::Protection;
pub use scope::Scope;
pub(crate) use scope::{MAX_PREFIXES, ScopeHash, Scopes, TAG_MARK};
#[cfg(feature = "redis")]
pub(crate) use scope::{is_generation, writers_of};
pub(crate) use tier::Bus;
pub use tier::Shard;
pub(crate) use tier::{
    BusSink, EntryReplies, EntryReply, Expired, Fill, GENERATION_TTL, Heartbeat, HeartbeatReply, Released, Reply,
    SharedTier, TierConnection, Wanted, WriteScopes,
};
