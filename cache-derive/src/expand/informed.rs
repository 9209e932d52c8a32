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
    let Store { vis, cfgs, lints, decorator, with_info, .. } = store;
    let (declared, params, args) = (store.declared(), store.impl_params(), store.args());
    let (type_bounds, bounds) = (store.type_bounds(), store.impl_bounds());
    let methods = view::reads(store).map(|method| method_of(store, method));
    let name = with_info.to_string();
    let docs = docs::lines(&format!("The reads of a [`{decorator}`], with what the cache knows about each answer."));
    quote! {
        #docs
        #(#cfgs)* #(#lints)*
        #vis struct #with_info #declared (#decorator #args) #type_bounds;

        #(#cfgs)*
        impl #params ::core::clone::Clone for #with_info #args #type_bounds {
            fn clone(&self) -> Self {
                Self(::core::clone::Clone::clone(&self.0))
            }
        }

        #(#cfgs)*
        impl #params ::core::fmt::Debug for #with_info #args #type_bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }

        #(#cfgs)* #(#lints)*
        #[allow(dead_code, reason = "a program does not use every way to read")]
        #[allow(trivial_bounds, reason = "a key or a value that cannot be cached is reported at its type")]
        impl #params #with_info #args #bounds {
            #(#methods)*
        }
    }
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
