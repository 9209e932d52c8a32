//! Absences that the store reports as errors: `absent_if` and `absent_as`.
//!
//! The region has optional values. The load turns such an error into an absence, and the method turns an absence into
//! the error of `absent_as`, whichever tier it comes from.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};

use super::names::runtime;
use super::types;
use crate::model::{Method, Read, Store};

/// The result for the caller, from an optional value.
pub(super) fn returned(store: &Store, method: &Method, read: &Read, value: &TokenStream) -> TokenStream {
    let Some(absent) = &read.options.absent else {
        return types::of_value(store, method, &read.returned, value);
    };
    let (path, parts) = (&absent.error, parts(method, read));
    quote!(::core::option::Option::ok_or_else(#value, || #path(#(#parts),*)))
}

/// The result for the caller, from that of a look-up.
pub(super) fn answered(store: &Store, method: &Method, read: &Read, answer: TokenStream) -> TokenStream {
    let Some(absent) = &read.options.absent else { return answer };
    let (present, path, parts) = (runtime(store, "present"), &absent.error, parts(method, read));
    quote!(#present(#answer, || #path(#(#parts),*)))
}

/// The result of a load, from that of the store.
pub(super) fn loaded(store: &Store, read: &Read, answer: TokenStream) -> TokenStream {
    let Some(absent) = &read.options.absent else { return answer };
    let (or_absent, path) = (runtime(store, "or_absent"), &absent.is_absence);
    quote!(#or_absent(#answer, #path))
}

/// The output of a look-up.
pub(super) fn output(store: &Store, method: &Method, read: &Read) -> TokenStream {
    if read.options.absent.is_none() {
        let output = &method.output;
        return quote!(#output);
    }
    let (value, error) = (types::value(store, method, read), types::error(store, method, &read.returned));
    quote!(::core::result::Result<#value, #error>)
}

/// The function of the region that reads: one that returns a `Result` if the method turns it into its own return type.
pub(super) fn reading(store: &Store, method: &Method, read: &Read, name: &str) -> TokenStream {
    let name = format_ident!("{name}");
    if read.options.absent.is_some() {
        return name.to_token_stream();
    }
    types::reading(store, method, &read.returned, &name, 2)
}

/// The parts of the key, for the function that makes the error.
fn parts<'a>(method: &'a Method, read: &'a Read) -> impl Iterator<Item = TokenStream> {
    read.key.iter().map(|place| {
        let name = &method.params[*place].ident;
        quote!(&#name)
    })
}
