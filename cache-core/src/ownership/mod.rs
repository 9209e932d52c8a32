//! Namespaces, and the owners of the keys in a cache.
//!
//! Two stores with the same keys would return each other's rows. Three mechanisms prevent this: a second decorator with
//! names that are in use in the cache is not built ([`Claims`]); an envelope carries the identity of its source and its
//! method, which turns a mix-up between processes into a miss; and a warning names the remedy ([`Mixups`]).

mod claims;
mod families;
mod mixups;
mod namespace;
mod place;

use std::sync::Arc;

pub use claims::Claim;
use claims::Claims;
use families::FamilyModes;
use mixups::Mixups;
pub use namespace::Namespace;
pub(crate) use place::Kind;
pub use place::{Place, StoreSpec};

use crate::key::Head;

/// The keys in use in one cache, with the decorator or region that uses each.
#[derive(Debug)]
pub(crate) struct Ownership {
    /// The key prefix of the cache.
    pub(crate) prefix: Option<String>,
    /// Whether stores that share their keys are warned about: only a shared tier mixes their entries.
    warns: bool,
    claims: Arc<Claims>,
    pub(crate) mixups: Mixups,
    pub(crate) family_modes: FamilyModes,
}

impl Ownership {
    pub(crate) fn new(prefix: Option<String>, warns: bool) -> Self {
        Self { prefix, warns, claims: Arc::default(), mixups: Mixups::default(), family_modes: FamilyModes::default() }
    }

    /// Returns the beginning of the keys of an entity, whether some decorator has claimed it or not.
    pub(crate) fn head(&self, namespace: &str, partition: Option<&str>, entity: &str) -> Head {
        Head::new(self.prefix.as_deref(), namespace, partition, entity)
    }
}
