//! The syntax tree of the input, before validation.

mod args;
mod attributes;
mod options;
mod serde;
mod store;
mod strip;
mod style;
mod tag;
mod target;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::diag::{Problem, Sink};

pub(crate) use args::StoreArgs;
pub(crate) use attributes::CacheAttribute;
pub(crate) use options::{OptionSyntax, Value, options};
pub(crate) use serde::SerdeItems;
pub(crate) use store::{ItemSyntax, MethodSyntax, StoreSyntax};
pub(crate) use strip::without_cache_attributes;
pub(crate) use style::{BoxedFuture, Output, Style};
pub(crate) use tag::TagSyntax;
pub(crate) use target::{EachTarget, EntriesTarget, Target, is_rest};

/// Parses an annotated trait; returns `None` if it is not a trait.
pub(crate) fn store(args: TokenStream, item: TokenStream, sink: &mut Sink) -> Option<StoreSyntax> {
    let args = StoreArgs::parse(args, sink);
    match store::parse(args, item.clone(), sink) {
        Ok(store) => Some(store),
        Err(error) => {
            sink.syntax(not_a_trait(item).unwrap_or(error));
            None
        }
    }
}

/// Parses the input of a derive.
pub(crate) fn shape(item: TokenStream, sink: &mut Sink) -> Option<DeriveInput> {
    syn::parse2(item).map_err(|error| sink.syntax(error)).ok()
}

fn not_a_trait(item: TokenStream) -> Option<syn::Error> {
    let parsed: syn::Item = syn::parse2(item).ok()?;
    let name = match &parsed {
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Impl(item) => return Some(wrong_place(&item.self_ty)),
        _ => return None,
    };
    Some(wrong_place(name))
}

fn wrong_place(place: &dyn quote::ToTokens) -> syn::Error {
    Problem::at(place, "`#[cached_store]` does not stand on a trait")
        .why("it generates a decorator that implements the store's trait")
        .instead("put it above the definition of the store's trait, `#[cached_store(namespace = \"..\")] pub trait ..`")
        .into()
}
