//! `with_info`: reads that return what the cache knows about the answer beside it.
//!
//! They are those of the decorator over other handles of its regions, so each one is a call of it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

use super::names::runtime;
use super::{docs, view};
use crate::model::{Method, Store};

/// The function of the decorator that returns them.
pub(super) fn constructor(store: &Store) -> TokenStream {
    let Store { vis, with_info, .. } = store;
    let (args, access) = (store.args(), runtime(store, "Access"));
    let docs = docs::lines(
        "The reads of this store, which also return a `CacheInfo`: the source of the value, its age, and the end of its \
         life.\n\nThey read and fill the tiers as those of the store itself do, and take a little longer.",
    );
    quote! {
        #docs
        #[must_use]
        #vis fn with_info(&self) -> #with_info #args {
            #with_info(self.__reading(#access::Informed))
        }
    }
}

/// The type of `with_info`, and its functions.
pub(super) fn with_info(store: &Store) -> TokenStream {
    let methods = view::reads(store).map(|method| method_of(store, method));
    let docs = format!("The reads of a [`{}`], with what the cache knows about each answer.", store.decorator);
    view::view_type(store, &store.with_info, &docs, &quote!(#(#methods)*))
}

fn method_of(store: &Store, method: &Method) -> TokenStream {
    let Method { ident, cfgs, lints, generics, shared, output, .. } = method;
    let (vis, clause, params) = (&store.vis, &generics.where_clause, method.declarations());
    let (informed, info) = (runtime(store, "informed"), runtime(store, "CacheInfo"));
    let arguments = method.params.iter().map(|param| &param.ident);
    let docs = docs::lines(&format!("`{}`, with what the cache knows about the answer.", ident.unraw()));
    quote! {
        #docs
        #(#cfgs)* #(#lints)*
        #vis async fn #ident #generics (#shared #params) -> (#output, #info) #clause {
            #informed(self.0.#ident(#(#arguments),*)).await
        }
    }
}
