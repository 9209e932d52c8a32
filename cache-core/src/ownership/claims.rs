//! Tracks which names of a cache are in use, and their owners.
//!
//! A name is in use while a decorator or a region of it exists. The same owner may have it several times, as clones and
//! repeated constructions do; another owner gets an error at once, in the process that has the mistake. Mistakes
//! between processes cannot be detected here: `mixups` finds their entries.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Kind, Namespace};
use crate::error::Error;
use crate::key::Head;
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The claimant of names: a decorator, or a region without one.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) kind: Kind,
    /// Trait and module, or the types of a region.
    pub(super) name: String,
    /// The type and const arguments of the trait.
    pub(super) parameters: String,
    /// The address of the store behind a decorator.
    pub(super) backing: Option<usize>,
    pub(super) source: u128,
}

/// The names in use in one cache.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    next: u64,
    /// The claims, by the beginning of the keys.
    held: HashMap<String, Vec<Held>>,
    /// The traits that a warning was logged for, and its reason.
    warned: HashSet<(String, Shared)>,
}

#[derive(Debug)]
struct Held {
    number: u64,
    owner: Owner,
    method: &'static str,
}

/// Reserves names for as long as a clone of it exists.
#[derive(Debug, Clone)]
pub struct Claim(#[expect(dead_code, reason = "it is held and not used")] Arc<Kept>);

#[derive(Debug)]
struct Kept {
    claims: Arc<Claims>,
    number: u64,
    heads: Vec<String>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut known = self.claims.lock();
        for head in &self.heads {
            if let Some(held) = known.held.get_mut(head) {
                held.retain(|held| held.number != self.number);
                if held.is_empty() {
                    known.held.remove(head);
                }
            }
        }
    }
}

/// The reason why two stores of one trait must not share their keys. The last one is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Shared {
    /// The trait has other arguments. Each store treats the other's entries as misses.
    Arguments,
    /// The sources differ. Each store treats the other's entries as misses.
    Keys,
    /// Their entries cannot be distinguished.
    Answers,
}

impl Claims {
    /// Claims the names of these read methods, each given by entity and method.
    pub(super) fn claim(
        self: &Arc<Self>,
        owner: &Owner,
        namespace: &Namespace,
        reads: &[(&'static str, &'static str)],
        warns: bool,
    ) -> Result<(Claim, Option<Shared>), Error> {
        // The prefix is the same in the whole cache.
        let head = |entity| Head::new(None, namespace.text, namespace.partition.as_deref(), entity);
        let heads: Vec<String> = reads.iter().map(|(entity, _)| head(*entity).full_text().to_owned()).collect();
        let mut known = self.lock();
        let mut shared = None;
        for (head, (entity, method)) in heads.iter().zip(reads) {
            for held in known.held.get(head).into_iter().flatten() {
                if !held.owner.is_of_the_same_trait(owner) || held.method != *method {
                    return Err(taken(owner, method, held, namespace, entity));
                }
                shared = shared.max(held.owner.shares_with(owner));
            }
        }
        let number = known.next;
        known.next += 1;
        for (head, (_, method)) in heads.iter().zip(reads) {
            known.held.entry(head.clone()).or_default().push(Held { number, owner: owner.clone(), method });
        }
        let warning = shared.filter(|shared| warns && known.warned.insert((owner.name.clone(), *shared)));
        drop(known);
        if let Some(shared) = warning {
            warn(owner, namespace, shared);
        }
        Ok((Claim(Arc::new(Kept { claims: Arc::clone(self), number, heads })), shared))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner {
    fn is_of_the_same_trait(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name
    }

    fn shares_with(&self, other: &Self) -> Option<Shared> {
        if self.parameters != other.parameters {
            return Some(Shared::Arguments);
        }
        match (self.backing, other.backing) {
            (Some(one), Some(two)) if one != two => match (self.source, other.source) {
                (0, 0) => Some(Shared::Answers),
                (one, two) if one == two => None,
                _ => Some(Shared::Keys),
            },
            _ => None,
        }
    }

    fn method(&self, method: &str) -> String {
        match self.kind {
            Kind::Store => format!("`{}::{method}`", self.name),
            Kind::Region | Kind::Transparent => self.name.clone(),
        }
    }
}

fn taken(owner: &Owner, method: &str, held: &Held, namespace: &Namespace, entity: &str) -> Error {
    let partition = match owner.kind {
        Kind::Store => "`builder(..).partition(..)`",
        Kind::Region | Kind::Transparent => "`Namespace::new(..).partition(..)`",
    };
    Error::config(format!(
        "{} would have the keys of {}: both are entity `{entity}` in namespace `{}` of one Cache. Give one of them another \
         entity or namespace, or a partition of its own: {partition}",
        owner.method(method),
        held.owner.method(held.method),
        namespace.text,
    ))
}

fn warn(owner: &Owner, namespace: &Namespace, shared: Shared) {
    let (store, namespace) = (owner.name.as_str(), namespace.text);
    match shared {
        Shared::Arguments => tracing::warn!(
            store,
            namespace,
            "two decorators of one trait with different type arguments are in use in one Cache, and have the same keys: each \
             makes the other one's entries useless. Build each with a partition of its own: `builder(..).partition(..)`"
        ),
        Shared::Answers => tracing::warn!(
            store,
            namespace,
            "two decorators of one trait over different stores have the same keys in one Cache: each returns values that the \
             other has loaded. Build each with its own partition: `builder(..).partition(..)`"
        ),
        Shared::Keys => tracing::warn!(
            store,
            namespace,
            "two decorators of one trait over different sources have the same keys in one Cache: each overwrites the entries \
             of the other. Build each with its own partition: `builder(..).partition(..)`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READS: &[(&str, &str)] = &[("owner", "get"), ("row", "row")];

    fn owner(name: &str, backing: usize) -> Owner {
        let parameters = String::new();
        Owner { kind: Kind::Store, name: name.to_owned(), parameters, backing: Some(backing), source: 0 }
    }

    fn claims() -> Arc<Claims> {
        Arc::default()
    }

    fn claim(claims: &Arc<Claims>, owner: &Owner) -> Result<Claim, Error> {
        claims.claim(owner, &Namespace::new("shop"), READS, true).map(|(claim, _)| claim)
    }

    #[test]
    fn another_trait_or_method_is_refused_by_name_until_the_first_is_dropped() {
        let claims = claims();
        let cars = claim(&claims, &owner("a::Cars", 1)).unwrap();
        let error = claim(&claims, &owner("b::Cars", 1)).unwrap_err().to_string();
        assert!(error.contains("`b::Cars::get`") && error.contains("`a::Cars::get`"), "{error}");
        assert!(error.contains("`owner`") && error.contains("`shop`") && error.contains("partition"), "{error}");
        let renamed = claims.claim(&owner("a::Cars", 1), &Namespace::new("shop"), &[("row", "other")], true);
        assert!(renamed.is_err(), "another method of the same trait");
        let clone = cars.clone();
        drop(cars);
        assert!(claim(&claims, &owner("b::Cars", 1)).is_err(), "a clone is in use");
        drop(clone);
        claim(&claims, &owner("b::Cars", 1)).unwrap();
        assert!(claims.lock().held.is_empty(), "dropped claims leave nothing");
    }

    #[test]
    fn a_refused_claim_reserves_nothing() {
        let claims = claims();
        let kept = claims.claim(&owner("Cars", 1), &Namespace::new("shop"), &[("row", "row")], true).unwrap();
        claim(&claims, &owner("Houses", 1)).unwrap_err();
        drop(kept);
        claim(&claims, &owner("Boats", 1)).unwrap();
    }

    #[test]
    fn a_partition_is_a_place_of_its_own() {
        let claims = claims();
        let names =
            [Namespace::new("shop"), Namespace::new("shop").partition("eu"), Namespace::new("shop").partition("")];
        let kept: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(at, namespace)| claims.claim(&owner(&at.to_string(), at), namespace, READS, true).unwrap())
            .collect();
        let long = |last: &str| Namespace::new("shop").partition(format!("{}{last}", "x".repeat(500)));
        let one = claims.claim(&owner("one", 1), &long("1"), READS, true).unwrap();
        let two = claims.claim(&owner("two", 1), &long("2"), READS, true).unwrap();
        claims.claim(&owner("three", 1), &long("2"), READS, true).unwrap_err();
        drop((kept, one, two));
    }

    #[test]
    fn a_store_decorated_twice_shares_only_with_itself() {
        assert!(owner("Cars", 1).shares_with(&owner("Cars", 1)).is_none());
        assert_eq!(owner("Cars", 1).shares_with(&owner("Cars", 2)), Some(Shared::Answers));
        let known = Owner { source: 7, ..owner("Cars", 2) };
        assert_eq!(owner("Cars", 1).shares_with(&known), Some(Shared::Keys));
        let same = Owner { source: 7, ..owner("Cars", 3) };
        assert_eq!(same.shares_with(&known), None, "two pools of one database");
        let other = |backing| Owner { parameters: "User".to_owned(), ..owner("Cars", backing) };
        assert_eq!(other(1).shares_with(&owner("Cars", 1)), Some(Shared::Arguments));
        assert_eq!(other(2).shares_with(&owner("Cars", 1)), Some(Shared::Arguments));
    }
}
