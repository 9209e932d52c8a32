//! The body of a writing method.

mod argument;
mod old_row;
mod scopes;
mod target;
mod update;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;
use syn::spanned::Spanned;

pub(super) use self::old_row::function as old_row_function;
use self::scopes::{Pass, late, methods_of, scopes_of};
pub(super) use self::update::function as update_function;
use super::forward;
use super::names::{at, local, runtime, self_of};
use crate::model::{Behaviour, Commits, Lending, Method, Store, Write};

/// The body, which calls the store and evaluates the user's expressions again after it.
///
/// All of this happens while the guard is alive. The caller receives the store's answer even if an expression panics
/// after the call: then its method is invalidated as a whole.
pub(super) fn body(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (guard, returned, outcome, found) = (local("write"), local("returned"), local("outcome"), local("found"));
    let (begin, call, write_outcome) =
        (begin(store, method, write), call(store, method, write), runtime(store, "write_outcome"));
    let mutable = write.lent.iter().filter(|(_, lending)| *lending != Lending::Reference).map(|(place, _)| {
        let name = &method.params[*place].ident;
        quote!(let mut #name = #name;)
    });
    let (parts, list) = (argument::parts(write), late(store, method, write));
    let (final_outcome, set) = (final_outcome(store, write, &outcome), update::set(store, method, write));
    quote! {
        #(#mutable)*
        #(#parts)*
        #begin
        let #returned = #call;
        let #outcome = #write_outcome!(&#returned);
        #set
        let #found = #list;
        #guard.finish(#final_outcome, #found).await;
        #returned
    }
}

/// The body of `begin_x`: everything up to the call, as a future.
///
/// The old row is not read: only the caller knows when it changes. The methods of the targets that name it are
/// invalidated as a whole, like those that the result names.
pub(super) fn begin_body(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (guard, this) = (runtime(store, "WriteGuard"), self_of(method));
    let (scopes, methods) = (local("scopes"), local("methods"));
    let (list, registered) = (scopes_of(store, &this, &write.before, Pass::Begin), methods_of(store, &this, write));
    // Temporaries of an expression, such as the guard of a mutex, end before the await.
    quote! {
        let #scopes = #list;
        let #methods = #registered;
        ::std::boxed::Box::pin(#guard::begin(&#this.__cache, #scopes, #methods))
    }
}

/// The lint that references to the user's expressions may trigger.
pub(super) fn allow(behaviour: &Behaviour) -> Option<TokenStream> {
    matches!(behaviour, Behaviour::Invalidates(_)).then(|| {
        quote!(#[allow(clippy::needless_borrow, reason = "an argument of `invalidates` may be a reference already")])
    })
}

/// The write lock before the call, and the old row.
fn begin(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (guard, scopes, methods) = (local("write"), local("scopes"), local("methods"));
    let (write_guard, this) = (runtime(store, "WriteGuard"), self_of(method));
    let (list, registered) = (scopes_of(store, &this, &write.before, Pass::Before), methods_of(store, &this, write));
    let apart = write.row.as_ref().map(|row| old_row::take_apart(store, method, row));
    let mutable = write.row.as_ref().map(|_| quote!(mut));
    let read = write.row.as_ref().map(|row| old_row::read(store, method, write, row));
    let begun = if write.stored.is_empty() {
        quote!(#write_guard::begin(&#this.__cache, #scopes, #methods))
    } else {
        let handles = update::handles(store, write);
        quote!(#write_guard::begin_updating(&#this.__cache, #scopes, #methods, #handles))
    };
    let prepare = update::prepare(store, method, write);
    quote! {
        let #scopes = #list;
        #apart
        #prepare
        let #methods = #registered;
        let #mutable #guard = #begun.await;
        #read
    }
}

/// The awaited call of the store.
fn call(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let this = self_of(method);
    let arguments = method.params.iter().enumerate().map(|(place, param)| {
        let name = &param.ident;
        let lending = write.lent.iter().find(|(lent, _)| *lent == place).map(|(_, lending)| *lending);
        match lending {
            Some(Lending::Reference) => quote!(&mut *#name),
            // Not `as_deref_mut`: only a coercion shortens the lifetime of a trait object.
            Some(Lending::Optional) => {
                let lent = local("lent");
                quote! {
                    match &mut #name {
                        ::core::option::Option::Some(#lent) => ::core::option::Option::Some(&mut **#lent),
                        ::core::option::Option::None => ::core::option::Option::None,
                    }
                }
            }
            Some(Lending::Pinned) => quote!(::core::pin::Pin::as_mut(&mut #name)),
            None if write.kept.contains(&place) => {
                let kept = runtime(store, "kept");
                at(param.ty.span(), quote!(#kept(&#name)))
            }
            None => quote!(#name),
        }
    });
    forward::awaited_with(store, method, &quote!(&#this.__backing), arguments)
}

/// The outcome with which the guard finishes.
///
/// If the caller commits, only a refusal is a known outcome.
fn final_outcome(store: &Store, write: &Write, outcome: &Ident) -> TokenStream {
    let outcomes = runtime(store, "WriteOutcome");
    match write.commits {
        Commits::Store => quote!(#outcome),
        Commits::Caller => quote! {
            if #outcome == #outcomes::NotWritten { #outcomes::NotWritten } else { #outcomes::Unknown }
        },
    }
}
