//! Turns the model into code. Nothing here reports errors: the model is valid.
//!
//! Generated code is thin: it builds a key and calls the runtime crate. It names everything by absolute paths, and its
//! own variables are hygienic, so that no name in the user's scope can collide with them.

mod absent;
mod admin;
mod batch;
mod builder;
mod definition;
mod derive_key;
mod derive_value;
mod docs;
mod forward;
mod generics;
mod guard;
mod hidden;
mod implementation;
mod informed;
mod key_snapshot;
mod mirror;
mod names;
mod other_traits;
mod overview;
mod params;
mod policy;
mod read;
mod revalidate;
mod source_text;
mod structure;
mod supertraits;
mod tags;
mod types;
mod view;
mod warm;
mod wrapped;
mod write;

#[cfg(test)]
mod snapshots;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Store;

pub(crate) use definition::definition;
pub(crate) use derive_key::cache_key;
pub(crate) use derive_value::cache_value;

/// All generated code besides the trait.
pub(crate) fn decorator(store: &Store) -> TokenStream {
    let structure = structure::structure(store);
    let builder = builder::builder(store);
    let inherent = structure::inherent(store);
    let backing = admin::backing(store);
    let hidden = hidden::hidden(store);
    let supertraits = supertraits::supertraits(store);
    let implementation = implementation::implementation(store);
    let (cached_only, scopes, checks) =
        (view::cached_only(store), other_traits::scopes(store), other_traits::checks(store));
    let with_info = informed::with_info(store);
    let mirror = store.mirror.as_ref().map(|mirror| mirror::signatures(store, mirror));
    quote! {
        #structure #builder #inherent #backing #hidden #supertraits #implementation #cached_only #with_info #scopes #checks #mirror
    }
}
