//! Calls of the store behind the decorator.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::generics::turbofish;
use super::names::{local, runtime, self_of};
use crate::model::{Method, Store};

/// The call with the method's own arguments.
pub(super) fn call(store: &Store, method: &Method) -> TokenStream {
    let this = self_of(method);
    call_of(store, method, &quote!(#this.__backing))
}

/// The same with an expression of the backing store.
pub(super) fn call_of(store: &Store, method: &Method, backing: &TokenStream) -> TokenStream {
    let (of_backing, name, turbofish) = (store.of_backing(), &method.ident, turbofish(&method.generics));
    let arguments = method.params.iter().map(|param| &param.ident);
    if method.receiver.is_none() {
        return quote!(#of_backing::#name #turbofish (#(#arguments),*));
    }
    quote!(#of_backing::#name #turbofish (&#backing #(, #arguments)*))
}

/// The same for a method without an attribute.
///
/// If it returns a future, the attribute is missing, and the call does not compile.
pub(super) fn probed(store: &Store, method: &Method) -> TokenStream {
    let (call, returned) = (call(store, method), local("returned"));
    let (answer, otherwise) = (runtime(store, "Answer"), runtime(store, "NoFuture"));
    let no_future = Ident::new("no_future", Span::mixed_site().located_at(method.ident.span()));
    quote! {
        let #returned = #call;
        {
            #[allow(unused_imports, reason = "unused where it is a future, which is an error")]
            use #otherwise as _;
            #answer(&#returned).#no_future();
        }
        #returned
    }
}

/// The same, awaited.
pub(super) fn awaited(store: &Store, method: &Method) -> TokenStream {
    let call = call(store, method);
    quote!(#call.await)
}
