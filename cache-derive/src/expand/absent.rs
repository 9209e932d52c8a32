//! Absences that the store reports as errors: `absent_if` and `absent_as`.
//!
//! The region has optional values. The load turns such an error into an absence, and the method turns an absence into
//! the error of `absent_as`, whichever tier it comes from.

use proc_macro2::TokenStream;
use quote::quote;

use super::names::runtime;
use super::types;
use crate::model::{Method, Read, Store};

/// The result for the caller, from an optional value.
pub(super) fn returned(method: &Method, read: &Read, value: &TokenStream) -> TokenStream {
    let Some(absent) = &read.options.absent else { return quote!(::core::result::Result::Ok(#value)) };
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
    let (value, error) = (types::value(store, method, read), types::error(store, method));
    quote!(::core::result::Result<#value, #error>)
}

/// The parts of the key, for the function that makes the error.
fn parts<'a>(method: &'a Method, read: &'a Read) -> impl Iterator<Item = TokenStream> {
    read.key.iter().map(|place| {
        let name = &method.params[*place].ident;
        quote!(&#name)
    })
}
