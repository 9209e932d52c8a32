//! The lists of scopes of a write: before the call, and after it.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::old_row;
use super::target::Context;
use crate::expand::names::{local, runtime, self_of};
use crate::model::{Invalidation, Method, Reader, Reevaluation, ResultValue, Store, Write};

/// When the scopes of a list are evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// In `begin_x`, which makes no call.
    Begin,
    /// Before the call.
    Before,
    /// Before the call, with the old row.
    Old,
    /// Once more after it.
    After,
    /// After it for the first time, with its result.
    Result,
}

impl Pass {
    /// Whether a panic of an expression may reach the caller, since nothing has happened yet.
    pub(super) fn is_before_the_call(self) -> bool {
        matches!(self, Self::Begin | Self::Before)
    }

    /// Whether owned parts of keys exist.
    pub(super) fn uses_parts(self) -> bool {
        matches!(self, Self::Before | Self::After)
    }
}

/// The scopes in a list, with an explicit type since `cfg` may leave the list empty.
pub(super) fn scopes_of<'a>(
    store: &Store,
    this: &Ident,
    targets: impl IntoIterator<Item = &'a Invalidation>,
    pass: Pass,
) -> TokenStream {
    let context = Context { store, this, pass };
    let (ones, others): (Vec<_>, Vec<_>) = targets.into_iter().partition(|one| one.target.one_scope().is_some());
    let ones = ones.into_iter().filter_map(|one| one.target.one_scope()).map(|entries| context.one_scope(entries));
    let scopes = runtime(store, "scopes");
    let ones = quote!(#scopes([#(#ones),*]));
    if others.is_empty() {
        return ones;
    }
    let (list, others) = (local("list"), others.iter().map(|other| context.extend(&other.target)));
    quote!({
        let mut #list = #ones;
        #(#others)*
        #list
    })
}

/// The methods whose stale entries are known only after the call, each once.
pub(super) fn methods_of(store: &Store, this: &Ident, write: &Write) -> TokenStream {
    let registered = |invalidation: &&Invalidation| {
        matches!(invalidation.reevaluation, Reevaluation::Registered | Reevaluation::Whole)
    };
    let changed = write.before.iter().filter(registered);
    let targets = write.after.iter().chain(&write.old).chain(changed);
    let row: Vec<Reader> = write.row.iter().flat_map(|row| old_row::readers(store, row)).collect();
    wholes(
        store,
        this,
        targets.flat_map(|invalidation| invalidation.target.entries()).map(|entries| &entries.reader).chain(&row),
    )
}

/// The scopes of whole methods, each once.
pub(super) fn wholes<'a>(store: &Store, this: &Ident, readers: impl Iterator<Item = &'a Reader>) -> TokenStream {
    let context = Context { store, this, pass: Pass::Before };
    let mut named: Vec<String> = Vec::new();
    let methods = readers.filter_map(|reader| {
        let whole = context.whole(reader);
        let name = whole.to_string();
        (!named.contains(&name)).then(|| {
            named.push(name);
            whole
        })
    });
    let (methods, scopes) = (methods.collect::<Vec<_>>(), runtime(store, "scopes"));
    quote!(#scopes([#(#methods),*]))
}

/// The scopes known only after the call; none if the call certainly did not write.
pub(super) fn late(store: &Store, method: &Method, write: &Write) -> TokenStream {
    if !write.finds_scopes() {
        let scopes = runtime(store, "scopes");
        return quote!(#scopes([]));
    }
    let (outcome, outcomes) = (local("outcome"), runtime(store, "WriteOutcome"));
    let changed = changed(store, method, write);
    let named = has_own_result(write).then(|| named(store, method, write, false));
    let old = write.row.as_ref().map(|row| old_row::found(store, method, write, row));
    let list = joined(&old.into_iter().chain(changed).chain(named).collect::<Vec<_>>());
    quote!(if #outcome == #outcomes::NotWritten { ::std::vec::Vec::new() } else { #list })
}

/// Whether the result alone names targets.
fn has_own_result(write: &Write) -> bool {
    write.after.iter().any(|invalidation| !invalidation.names_old)
}

/// The scopes that were known before the call, as of after it.
fn changed(store: &Store, method: &Method, write: &Write) -> Option<TokenStream> {
    let this = self_of(method);
    let own = || write.reevaluated().filter(|invalidation| !invalidation.names_old);
    own().next()?;
    let (taken, evaluated): (Vec<_>, Vec<_>) = own().partition(|one| one.reevaluation == Reevaluation::Whole);
    let list = (!evaluated.is_empty()).then(|| scopes_of(store, &this, evaluated, Pass::After));
    let wholes = (!taken.is_empty()).then(|| wholes(store, &this, readers_of(taken.into_iter())));
    Some(joined(&list.into_iter().chain(wholes).collect::<Vec<_>>()))
}

/// The scopes of several lists in one.
fn joined(lists: &[TokenStream]) -> TokenStream {
    let found = local("found");
    match lists {
        [first] => first.clone(),
        [first, others @ ..] => quote!({
            let mut #found = #first;
            #(::core::iter::Extend::extend(&mut #found, #others);)*
            #found
        }),
        [] => quote!(::std::vec::Vec::new()),
    }
}

/// The read methods that these targets name.
pub(super) fn readers_of<'a>(targets: impl Iterator<Item = &'a Invalidation>) -> impl Iterator<Item = &'a Reader> {
    targets.flat_map(|invalidation| invalidation.target.entries()).map(|entries| &entries.reader)
}

/// The scopes that the result names; none if the call failed. Those that name the old row are a list of their own.
pub(super) fn named(store: &Store, method: &Method, write: &Write, names_old: bool) -> TokenStream {
    let this = self_of(method);
    let targets = write.after.iter().filter(|invalidation| invalidation.names_old == names_old);
    let list = scopes_of(store, &this, targets, Pass::Result);
    with_result(store, write, &list, &quote!(::std::vec::Vec::new()))
}

/// An expression that names the result, and the one for a call that failed.
pub(super) fn with_result(store: &Store, write: &Write, named: &TokenStream, failed: &TokenStream) -> TokenStream {
    let returned = local("returned");
    let result = Ident::new("result", proc_macro2::Span::call_site());
    let taken = match write.result {
        ResultValue::Whole => return quote!({ let #result = &#returned; #named }),
        ResultValue::Ok => {
            let fallible = runtime(store, "Fallible");
            quote!(#fallible::ok(&#returned))
        }
        ResultValue::Probed => {
            let result_of = runtime(store, "result_of");
            quote!(#result_of!(&#returned))
        }
    };
    quote! {
        match #taken {
            ::core::option::Option::Some(#result) => #named,
            ::core::option::Option::None => #failed,
        }
    }
}
