//! The supertraits of the trait, which the decorator needs to have as well.

use syn::{Path, TypeParamBound, WherePredicate};

use super::signature::is_self;
use crate::model::{Exclusive, Supertraits};
use crate::parse::StoreSyntax;

/// The supertraits that a decorator has in any case.
const GIVEN: [&str; 7] = ["Send", "Sync", "Sized", "Unpin", "Any", "Debug", "Clone"];

/// The supertrait that the decorator forwards to its store.
const DISPLAY: &str = "Display";

/// The supertraits and the bounds of `Self`, by the last segments of their paths.
///
/// `Display` cannot wait for the lock of a store, and is left to the user there.
pub(super) fn supertraits(syntax: &StoreSyntax, exclusive: Option<Exclusive>) -> Supertraits {
    let mut supertraits = Supertraits { displays: false, others: Vec::new() };
    let clauses = syntax.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let of_self = clauses.filter_map(|predicate| match predicate {
        WherePredicate::Type(predicate) if is_self(&predicate.bounded_ty) => Some(&predicate.bounds),
        _ => None,
    });
    for path in syntax.supertraits.iter().chain(of_self.flatten()).filter_map(demanded) {
        let is = |name: &str| path.segments.last().is_some_and(|last| last.ident == name);
        if is(DISPLAY) && exclusive != Some(Exclusive::Lock) {
            supertraits.displays = true;
        } else if !GIVEN.into_iter().any(is) {
            supertraits.others.push(path.clone());
        }
    }
    supertraits
}

fn demanded(bound: &TypeParamBound) -> Option<&Path> {
    match bound {
        TypeParamBound::Trait(bound) if bound.maybe.is_none() => Some(&bound.path),
        _ => None,
    }
}
