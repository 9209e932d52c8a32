//! The types of keys, values and errors.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::names::runtime;
use crate::model::{Method, Param, Passing, Read, Store};

/// The type of a key: a tuple of owned parts.
pub(super) fn key(method: &Method, read: &Read) -> TokenStream {
    let parts = read.key.iter().map(|place| method.params[*place].owned_type());
    quote!((#(#parts,)*))
}

/// The type of a cached value; an `Option` if some errors of the store are absences.
pub(super) fn value(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let value = read.value.as_ref().map_or_else(|| projected(store, method, "Value"), ToTokens::to_token_stream);
    if read.options.absent.is_some() { quote!(::core::option::Option<#value>) } else { value }
}

/// The type of the store's errors.
pub(super) fn error(store: &Store, method: &Method) -> TokenStream {
    projected(store, method, "Error")
}

/// The return type of a method, seen through aliases.
fn projected(store: &Store, method: &Method, part: &str) -> TokenStream {
    let output = &method.output;
    let fallible = runtime(store, "Fallible");
    let part = quote::format_ident!("{part}");
    quote!(<#output as #fallible>::#part)
}

impl Param {
    /// The type of an owned copy.
    pub(super) fn owned_type(&self) -> TokenStream {
        match &self.passing {
            Passing::Owned => self.ty.to_token_stream(),
            Passing::Borrowed(target) => quote!(<#target as ::std::borrow::ToOwned>::Owned),
            Passing::OptionalBorrowed(target) => {
                quote!(::core::option::Option<<#target as ::std::borrow::ToOwned>::Owned>)
            }
        }
    }
}
