//! The supertraits of the trait, on the decorator.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::docs;
use super::source_text::source_text;
use crate::model::Store;

/// `Display`, if the trait demands it.
pub(super) fn supertraits(store: &Store) -> TokenStream {
    if !store.supertraits.displays {
        return TokenStream::new();
    }
    let Store { cfgs, decorator, backing, .. } = store;
    let (params, args, bounds) = (store.impl_params(), store.args(), store.type_bounds());
    quote! {
        #(#cfgs)*
        impl #params ::core::fmt::Display for #decorator #args #bounds #backing: ::core::fmt::Display {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                <#backing as ::core::fmt::Display>::fmt(&self.__backing, f)
            }
        }
    }
}

/// The documentation of the supertraits that the user implements.
pub(super) fn documentation(store: &Store) -> TokenStream {
    let names: Vec<String> = store.supertraits.others.iter().map(source_text).collect();
    if names.is_empty() {
        return TokenStream::new();
    }
    let arguments = if store.generics.params.is_empty() { "" } else { ", .." };
    let projected = if store.projects { format!("{} + ", source_text(&store.as_trait())) } else { String::new() };
    let implementations = names.iter().map(|name| {
        let (backing, decorator) = (&store.backing, &store.decorator);
        format!("impl<{backing}: {projected}{name} + ?Sized{arguments}> {name} for {decorator}<{backing}{arguments}> {{ .. }}\n")
    });
    docs::lines(&format!(
        "\nThe trait has supertraits that only a program can implement for this type, with [`backing`](Self::backing):\n\n\
         ```text\n{}```",
        implementations.collect::<String>()
    ))
    .into_token_stream()
}
