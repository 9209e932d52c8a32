//! Writes in a transaction of the caller: the store's method returns before the commit.

use syn::visit::{self, Visit};
use syn::{FnArg, Ident, PathSegment, Signature, Type, TypeParamBound, WherePredicate};

use super::given::Given;
use crate::diag::{Problem, Sink};
use crate::model::Commits;
use crate::options::invalidates::COMMITS;
use crate::types::{first_type, last_segment};

/// The names of transaction types in sqlx, tokio-postgres, rusqlite, diesel and sea-orm.
const NAMES: [&str; 7] = [
    "Transaction",
    "PgTransaction",
    "SqliteTransaction",
    "MySqlTransaction",
    "AnyTransaction",
    "DatabaseTransaction",
    "AsyncTransaction",
];

/// The side that commits a write.
///
/// The option is required if a parameter is a transaction.
pub(super) fn commits(sig: &Signature, given: &Given<'_>, sink: &mut Sink) -> Commits {
    if let Some(commits) = given.value(&COMMITS, sink) {
        if let Some(ty) = taken(sig).filter(|_| commits == Commits::Caller) {
            sink.report(taken_by_value(sig, ty));
        }
        return commits;
    }
    if let Some(ty) = transaction(sig).filter(|_| given.misses(&COMMITS)) {
        sink.report(committed_later(sig, ty));
    }
    Commits::Store
}

fn committed_later(sig: &Signature, ty: &Type) -> Problem {
    let name = sig.ident.to_string();
    let plain = name.strip_prefix("r#").unwrap_or(&name);
    Problem::at(ty, format!("`{name}` writes in a transaction of its caller"))
        .why("the decorator cannot see the commit: a read between the call and the commit returns the old row, which would be cached")
        .instead(format!(
            "`commits = caller` in `#[invalidates(..)]`. Callers take a guard from `begin_{plain}(..)` before their statements, call the store through `backing()`, \
             commit, and await `committed()` of the guard. If `{name}` itself commits before it returns: `commits = store`"
        ))
}

fn taken_by_value(sig: &Signature, ty: &Type) -> Problem {
    let name = sig.ident.to_string();
    let plain = name.strip_prefix("r#").unwrap_or(&name);
    Problem::at(ty, format!("`{name}` takes a transaction that its caller commits"))
        .why(format!(
            "`begin_{plain}` has the parameters of `{name}`: the caller could not commit a transaction that it has passed by value"
        ))
        .instead("`&mut Transaction`, or `commits = store` if the method commits before it returns")
}

/// The first parameter that is a transaction by value.
fn taken(sig: &Signature) -> Option<&Type> {
    sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(typed) => {
            let segment = last_segment(&typed.ty)?;
            let inside = (segment.ident == "Option").then(|| first_type(segment)).flatten();
            let segment = inside.map_or(Some(segment), last_segment)?;
            is_name(&segment.ident).then_some(&*typed.ty)
        }
        FnArg::Receiver(_) => None,
    })
}

/// The first parameter that is a transaction, or holds one.
fn transaction(sig: &Signature) -> Option<&Type> {
    let generic = generic_transactions(sig);
    sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(typed) => {
            let mut search = Search { generic: &generic, found: false };
            search.visit_type(&typed.ty);
            search.found.then_some(&*typed.ty)
        }
        FnArg::Receiver(_) => None,
    })
}

/// The type parameters that have a transaction trait as a bound.
fn generic_transactions(sig: &Signature) -> Vec<&Ident> {
    let declared = sig.generics.type_params().map(|param| (Some(&param.ident), &param.bounds));
    let clauses = sig.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let clauses = clauses.filter_map(|predicate| match predicate {
        WherePredicate::Type(predicate) => match &predicate.bounded_ty {
            Type::Path(path) => Some((path.path.get_ident(), &predicate.bounds)),
            _ => None,
        },
        _ => None,
    });
    let bounded = declared.chain(clauses).filter(|(_, bounds)| bounds.iter().any(is_a_transaction));
    bounded.filter_map(|(name, _)| name).collect()
}

fn is_a_transaction(bound: &TypeParamBound) -> bool {
    matches!(bound, TypeParamBound::Trait(bound) if bound.path.segments.last().is_some_and(|last| is_name(&last.ident)))
}

fn is_name(ident: &Ident) -> bool {
    NAMES.iter().any(|name| ident == name)
}

struct Search<'a> {
    generic: &'a [&'a Ident],
    found: bool,
}

impl Visit<'_> for Search<'_> {
    fn visit_path_segment(&mut self, segment: &PathSegment) {
        self.found |= is_name(&segment.ident) || self.generic.contains(&&segment.ident);
        visit::visit_path_segment(self, segment);
    }
}
