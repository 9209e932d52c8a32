//! Generates `begin_x` of an invalidating method, for a transaction of the caller.
//!
//! It places the write lock without calling the store.

use proc_macro2::TokenStream;
use quote::quote;

use super::derive_value::mentions;
use super::names::{derived, runtime};
use super::{docs, write};
use crate::model::{Method, Store, Write};

/// The `begin_x` function.
pub(super) fn begin(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (vis, krate) = (&store.vis, &store.krate);
    let Method { ident, cfgs, lints, generics, shared, .. } = method;
    let (name, params, clause) = (derived("begin_", ident), method.declarations(), &generics.where_clause);
    let (docs, body) = (docs::lines(&text(method)), write::begin_body(store, method, write));
    let guard = quote!(#krate::WriteGuard);
    // A boxed future is cheaper to compile than an `async fn`, which only an expression of the user may need.
    let (asyncness, output, body) = if mentions(&body, "await") {
        (Some(quote!(async)), guard, quote!(#body.await))
    } else {
        let boxed = runtime(store, "BoxFuture");
        (None, quote!(#boxed<'_, #guard>), body)
    };
    let allow = write::allow(&method.behaviour);
    quote! {
        #docs
        #(#cfgs)* #(#lints)* #allow
        #[allow(unused_variables, clippy::needless_pass_by_value, clippy::needless_pass_by_ref_mut, clippy::extra_unused_type_parameters, reason = "it takes what the method of the store takes")]
        #vis #asyncness fn #name #generics (#shared #params) -> #output #clause {
            #body
        }
    }
}

fn text(method: &Method) -> String {
    let name = &method.ident;
    format!(
        "Begins the write of `{name}` with these arguments, for a caller that commits it.\n\nLocks the entries that the write changes. \
         Then call the store through [`backing`](Self::backing), commit, and await `committed` or `rolled_back` of the guard. \
         A guard that is dropped counts as a write of unknown outcome: its lock stays until it expires."
    )
}
