//! The order of the steps of reads and writes. Only these modules decide it.
//!
//! A [`Region`] is the cache of one read method. It consists of what answers locally (`local`), what asks and fills the
//! shared tier (`shared`), and what they share (`method`); `read` has the order of their steps, and `load` calls the
//! store. `lives` has the values that say how long they live, `refresh` loads in the background, `access` has how the
//! reads of a handle use the cache, and `tags` the scopes that several methods share. `write` and `announce` are the
//! write path, `update` stores the value of a write, and `old_row` reads for one.

mod access;
mod announce;
mod batch_map;
mod circles;
mod claims;
mod entry_keys;
mod held;
mod informed;
#[cfg(all(test, shuttle))]
mod interleavings;
#[cfg(feature = "json")]
mod key_snapshot;
mod late_acknowledgement;
mod lives;
mod load;
mod local;
mod method;
mod nesting;
mod old_row;
mod previous;
mod put;
mod read;
mod read_options;
mod refresh;
mod region;
mod returned;
mod shared;
mod tags;
mod trace;
mod update;
mod user_code;
mod verify;
mod wait;
mod warm;
mod write;

pub use access::{Access, ReportsMiss};
pub use batch_map::{BatchMap, Slot};
#[cfg(feature = "json")]
pub use key_snapshot::{JsonKey, KeySnapshot, KeysOf, MethodKeys, OtherKeys, SerdeKeys};
pub use local::LocalRead;
pub use old_row::{OldRow, RowFence};
pub use previous::{Previous, VersionAnswer};
pub use read_options::{LoadErrors, Presence, ReadOptions};
pub use region::{Region, RegionSpec};
pub use returned::{Fallible, ReturnType};
pub use tags::{Family, TagFamily, TagSink, Tags};
pub use update::{AnyUpdate, Update};
pub use warm::{Warmed, Warming, Warmth};
pub use write::{WriteGuard, WriteOutcome};
