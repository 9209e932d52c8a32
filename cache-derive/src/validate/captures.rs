//! Determines which arguments a future with an explicit type may borrow.
//!
//! The others are copied when the method is called.

use syn::visit::{self, Visit};
use syn::{FnArg, GenericParam, Lifetime, Receiver, Signature, Type, TypeReference, WherePredicate};

use super::signature::lifetime_of;
use crate::diag::{Problem, Sink};
use crate::model::{Captures, Param};

/// Compares the arguments of a method with the lifetimes of its future.
///
/// Without a lifetime the future borrows nothing.
pub(super) fn captures(
    sig: &Signature,
    receiver: &Receiver,
    lifetimes: &[&Lifetime],
    params: &[Param],
    sink: &mut Sink,
) -> Captures {
    let outliving = Outliving::of(sig, receiver, lifetimes);
    let mut captures = Captures { clones_self: !outliving.receiver, ..Captures::default() };
    let types = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(&*typed.ty),
        FnArg::Receiver(_) => None,
    });
    for ((place, param), ty) in params.iter().enumerate().zip(types) {
        if outliving.has_all_of(ty) {
            continue;
        }
        if !param.can_be_owned() {
            sink.report(cannot_be_kept(sig, param, ty));
        }
        captures.copied.push(place);
    }
    captures
}

fn cannot_be_kept(sig: &Signature, param: &Param, ty: &Type) -> Problem {
    Problem::at(ty, format!("the future of `{}` may not borrow from `{}`", sig.ident, param.ident))
        .why("the future queries the cache before it calls the store, and no owned copy of this can be made")
        .instead(format!(
            "one lifetime for all of them, `fn {}<'a>(&'a self, {}: &'a ..) -> Pin<Box<dyn Future<Output = ..> + Send + 'a>>`, or `#[uncached]`",
            sig.ident, param.ident
        ))
}

/// The lifetimes that are at least as long as one of those of the future.
struct Outliving<'a> {
    named: Vec<&'a Lifetime>,
    /// Whether the receiver's lifetime is one of them.
    receiver: bool,
}

impl<'a> Outliving<'a> {
    fn of(sig: &'a Signature, receiver: &'a Receiver, lifetimes: &[&'a Lifetime]) -> Self {
        let own = lifetime_of(receiver).filter(|own| own.ident != "_");
        let mut outliving = Self { named: Vec::new(), receiver: false };
        for lifetime in lifetimes.iter().filter(|lifetime| lifetime.ident != "static") {
            let is_elided = lifetime.ident == "_";
            let named = if is_elided { own } else { Some(*lifetime) }.map(|lifetime| closure(sig, lifetime));
            outliving.named.extend(named.into_iter().flatten());
            outliving.receiver |= is_elided;
        }
        outliving.receiver |= own.is_some_and(|own| outliving.named.contains(&own));
        outliving
    }

    fn has_all_of(&self, ty: &Type) -> bool {
        let mut search = Others { outliving: self, found: false };
        search.visit_type(ty);
        !search.found
    }
}

/// A lifetime and those that are declared to outlive it.
fn closure<'a>(sig: &'a Signature, lifetime: &'a Lifetime) -> Vec<&'a Lifetime> {
    let declared = sig.generics.params.iter().filter_map(|param| match param {
        GenericParam::Lifetime(param) => Some((&param.lifetime, &param.bounds)),
        _ => None,
    });
    let clauses = sig.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let clauses = clauses.filter_map(|predicate| match predicate {
        WherePredicate::Lifetime(predicate) => Some((&predicate.lifetime, &predicate.bounds)),
        _ => None,
    });
    let bounds: Vec<_> = declared.chain(clauses).collect();
    let mut found = vec![lifetime];
    loop {
        let longer = bounds
            .iter()
            .find(|(longer, bounds)| !found.contains(longer) && bounds.iter().any(|bound| found.contains(&bound)));
        match longer {
            Some((longer, _)) => found.push(longer),
            None => return found,
        }
    }
}

struct Others<'a> {
    outliving: &'a Outliving<'a>,
    found: bool,
}

impl Visit<'_> for Others<'_> {
    fn visit_lifetime(&mut self, lifetime: &Lifetime) {
        self.found |= lifetime.ident != "static" && !self.outliving.named.contains(&lifetime);
    }

    fn visit_type_reference(&mut self, reference: &TypeReference) {
        self.found |= reference.lifetime.is_none();
        visit::visit_type_reference(self, reference);
    }
}
