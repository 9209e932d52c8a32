//! The keys under which the read methods of one store have their entries.
//!
//! A [`Place`] exists only with a claim of its names. It determines the beginning of each key, and the hash of trait
//! and method in each envelope, by which a reader recognises entries of another method.

use std::any::type_name;

use super::claims::{Owner, Shared};
use super::{Claim, Namespace, Ownership};
use crate::error::Error;
use crate::key::Head;

/// Describes an annotated trait and its decorator.
#[derive(Debug)]
pub struct StoreSpec<'a> {
    /// The name of the trait.
    pub store: &'static str,
    /// The module of the trait.
    pub module: &'static str,
    /// The trait's type and const arguments as text; empty if it has none.
    pub parameters: String,
    /// The address of the backing store.
    pub backing: *const (),
    /// Entity and name of each read method.
    pub reads: &'a [(&'static str, &'static str)],
}

/// The kind of owner that has entries under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A decorator.
    Store,
    /// A region that [`Cache::region`](crate::Cache::region) has created.
    Region,
    /// A [`TransparentCache`](crate::TransparentCache).
    Transparent,
}

/// A namespace of a cache, claimed for one store.
#[derive(Debug)]
pub struct Place {
    prefix: Option<String>,
    namespace: Namespace,
    kind: Kind,
    /// Distinguishes this owner from others of its kind, in the hash of its methods.
    owner: String,
    claim: Claim,
}

impl Place {
    /// Claims the keys of every read method of a decorator.
    ///
    /// Returns an error if another trait or method already uses them in this cache.
    pub(crate) fn of_decorator(
        ownership: &Ownership,
        spec: &StoreSpec<'_>,
        namespace: Namespace,
    ) -> Result<Self, Error> {
        let owner = Owner {
            kind: Kind::Store,
            name: format!("{}::{}", spec.module, spec.store),
            parameters: spec.parameters.clone(),
            // The address is only compared, and never dereferenced.
            backing: Some(spec.backing.addr()),
            source: namespace.source,
        };
        let label = format!("{}{}{}", spec.store, if spec.parameters.is_empty() { "" } else { " " }, spec.parameters);
        Self::claimed(ownership, &owner, spec.reads, namespace, label)
    }

    /// Claims the keys of a region without a trait.
    pub(crate) fn of_region<K, R>(
        ownership: &Ownership,
        kind: Kind,
        namespace: Namespace,
        entity: &'static str,
    ) -> Result<Self, Error> {
        let name = match kind {
            Kind::Transparent => format!("a TransparentCache of {}", type_name::<R>()),
            Kind::Region | Kind::Store => format!("a Region from {} to {}", type_name::<K>(), type_name::<R>()),
        };
        let owner = Owner { kind, name, parameters: String::new(), backing: None, source: namespace.source };
        Self::claimed(ownership, &owner, &[(entity, "")], namespace, type_name::<K>().to_owned())
    }

    fn claimed(
        ownership: &Ownership,
        claimant: &Owner,
        reads: &[(&'static str, &'static str)],
        namespace: Namespace,
        owner: String,
    ) -> Result<Self, Error> {
        let (claim, shared) = ownership.claims.claim(claimant, &namespace, reads, ownership.warns)?;
        let place = Self { prefix: ownership.prefix.clone(), namespace, kind: claimant.kind, owner, claim };
        if shared == Some(Shared::Arguments) {
            ownership.mixups.explained(reads.iter().map(|(entity, _)| place.head(entity)));
        }
        Ok(place)
    }

    /// The claim, which reserves the names for as long as a clone of it exists.
    pub fn claim(&self) -> Claim {
        self.claim.clone()
    }

    /// Returns the beginning of the keys of an entity.
    pub(crate) fn head(&self, entity: &str) -> Head {
        Head::new(self.prefix.as_deref(), self.namespace.text, self.namespace.partition.as_deref(), entity)
    }

    /// Returns the beginning of the names of a tag family's scopes.
    pub(crate) fn family(&self, name: &str) -> Head {
        Head::of_family(self.prefix.as_deref(), self.namespace.text, self.namespace.partition.as_deref(), name)
    }

    /// The identity of the source, which is part of each envelope; 0 if unknown.
    pub(crate) fn source(&self) -> u128 {
        self.namespace.source
    }

    /// A hash of trait and method, the same in every build and on every machine.
    ///
    /// It includes the prefix and the namespace as separate parts, since their joined text is ambiguous: `a:b` with
    /// `c`, and `a` with `b:c`.
    pub(crate) fn method_hash(&self, method: &str) -> u64 {
        let kind = match self.kind {
            Kind::Store => "trait",
            Kind::Region => "region",
            Kind::Transparent => "transparent",
        };
        let prefix = self.prefix.as_deref().unwrap_or("");
        let mut text = String::new();
        for part in [kind, prefix, self.namespace.text, &self.owner, method] {
            text.push_str(&part.len().to_string());
            text.push(':');
            text.push_str(part);
        }
        xxhash_rust::xxh3::xxh3_64(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(ownership: &Ownership, namespace: &'static str, store: &'static str, parameters: &str) -> Place {
        let spec = StoreSpec {
            store,
            module: "anywhere",
            parameters: parameters.to_owned(),
            backing: std::ptr::null(),
            reads: &[],
        };
        Place::of_decorator(ownership, &spec, Namespace::new(namespace)).unwrap()
    }

    #[test]
    fn the_hash_of_a_method_is_the_same_in_every_build() {
        let place = place(&Ownership::new(None, false), "copilot:llm", "PolicyStore", "");
        assert_eq!(format!("{:016x}", place.method_hash("get_policy")), "7a5e73c0e5311c9f");
    }

    #[test]
    fn names_with_the_same_joined_text_have_different_hashes() {
        let [none, a, ab] =
            [None, Some("a"), Some("a:b")].map(|prefix| Ownership::new(prefix.map(str::to_owned), false));
        let places = [
            place(&none, "a:b:c", "Store", ""),
            place(&a, "b:c", "Store", ""),
            place(&ab, "c", "Store", ""),
            place(&none, "a:b:c", "Other", ""),
            place(&none, "a:b:c", "Store", "u8"),
            place(&none, "a:b:c", "Store", "u16"),
            Place::of_region::<u64, u64>(&none, Kind::Region, "a:b:c".into(), "x").unwrap(),
            Place::of_region::<u32, u64>(&none, Kind::Region, "a:b:c".into(), "y").unwrap(),
            Place::of_region::<u64, u64>(&none, Kind::Transparent, "a:b:c".into(), "z").unwrap(),
        ];
        let hashes = places.iter().flat_map(|place| [place.method_hash("one"), place.method_hash("two")]);
        assert_eq!(hashes.collect::<std::collections::HashSet<_>>().len(), 2 * places.len());
        assert_eq!(places[0].head("e"), places[3].head("e"), "their keys are the same");
    }
}
