//! Calls of the store behind the decorator.

use proc_macro2::TokenStream;
use quote::quote;

use super::generics::turbofish;
use super::names::self_of;
use crate::model::{Method, Store};

/// The call with the method's own arguments.
pub(super) fn call(store: &Store, method: &Method) -> TokenStream {
    let (of_backing, name, turbofish) = (store.of_backing(), &method.ident, turbofish(&method.generics));
    let arguments = method.params.iter().map(|param| &param.ident);
    if method.receiver.is_none() {
        return quote!(#of_backing::#name #turbofish (#(#arguments),*));
    }
    let this = self_of(method);
    quote!(#of_backing::#name #turbofish (&#this.__backing #(, #arguments)*))
}

/// The same, awaited.
pub(super) fn awaited(store: &Store, method: &Method) -> TokenStream {
    let call = call(store, method);
    quote!(#call.await)
}
