//! Calls of the store behind the decorator.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

use super::generics::turbofish;
use super::names::{at, local, runtime, self_of};
use crate::model::{Form, Method, Reach, Store};

/// The call with the method's own arguments.
pub(super) fn call(store: &Store, method: &Method) -> TokenStream {
    let this = self_of(method);
    call_of(store, method, &quote!(#this.__backing))
}

/// The same with an expression of the `Arc` of the store.
pub(super) fn call_of(store: &Store, method: &Method, backing: &TokenStream) -> TokenStream {
    let arguments = method.params.iter().map(|param| param.ident.to_token_stream());
    if method.receiver.is_none() {
        let (of_backing, name, turbofish) = (store.of_backing(), &method.ident, turbofish(&method.generics));
        return quote!(#of_backing::#name #turbofish (#(#arguments),*));
    }
    called(store, method, &quote!(&#backing), arguments, |call| call)
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
    let this = self_of(method);
    let arguments = method.params.iter().map(|param| param.ident.to_token_stream());
    awaited_with(store, method, &quote!(&#this.__backing), arguments)
}

/// The awaited call with these arguments. `backing` is a reference to the `Arc` of the store.
///
/// A clone of the store and the guard of a lock live for the time of this call.
pub(super) fn awaited_with(
    store: &Store,
    method: &Method,
    backing: &TokenStream,
    arguments: impl IntoIterator<Item = TokenStream>,
) -> TokenStream {
    called(store, method, backing, arguments, |call| quote!(#call.await))
}

/// The same for a load, whose future has to be `Send`.
///
/// The trait of another crate may not promise that of an `async fn`, which only the compiler knows.
pub(super) fn loaded(
    store: &Store,
    method: &Method,
    backing: &TokenStream,
    arguments: impl IntoIterator<Item = TokenStream>,
) -> TokenStream {
    let is_unknown = store.mirror.is_some() && store.async_trait.is_none() && method.form == Form::Async;
    if !is_unknown {
        return awaited_with(store, method, backing, arguments);
    }
    let sendable = runtime(store, "sendable");
    called(store, method, backing, arguments, |call| at(method.ident.span(), quote!(#sendable(#call).await)))
}

fn called(
    store: &Store,
    method: &Method,
    backing: &TokenStream,
    arguments: impl IntoIterator<Item = TokenStream>,
    finish: impl FnOnce(TokenStream) -> TokenStream,
) -> TokenStream {
    let (of_backing, name, turbofish) = (store.of_backing(), &method.ident, turbofish(&method.generics));
    let (ty, krate, arguments) = (&store.backing, &store.krate, arguments.into_iter());
    let (reached, returned) = (local("reached"), local("returned"));
    let (reaching, receiver) = match method.reach {
        Reach::Shared => return finish(quote!(#of_backing::#name #turbofish (#backing #(, #arguments)*))),
        Reach::Pointer => {
            let pointer = quote!(::std::sync::Arc::clone(#backing));
            return finish(quote!(#of_backing::#name #turbofish (#pointer #(, #arguments)*)));
        }
        Reach::Clone => {
            (quote!(let mut #reached = <#ty as ::core::clone::Clone>::clone(#backing);), quote!(&mut #reached))
        }
        Reach::Read => (quote!(let #reached = #krate::RwLock::<#ty>::read(#backing).await;), quote!(&*#reached)),
        Reach::Write => {
            (quote!(let mut #reached = #krate::RwLock::<#ty>::write(#backing).await;), quote!(&mut *#reached))
        }
    };
    let call = finish(quote!(#of_backing::#name #turbofish (#receiver #(, #arguments)*)));
    quote!({
        #reaching
        let #returned = #call;
        #returned
    })
}
