//! The body of a method with an explicit future type: a call of its twin.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ReturnType;
use syn::spanned::Spanned;

use super::generics::turbofish;
use super::names::{at, local, runtime, self_of};
use crate::model::{Boxing, Captures, Form, Method, Param, Passing, Reach, Store};

/// The call of a twin, from its receiver and its arguments.
type Twin<'a> = dyn Fn(&TokenStream, &TokenStream) -> TokenStream + 'a;

/// The future of the twin, boxed if the signature demands it.
///
/// Arguments that it may not borrow are copied first.
pub(super) fn body(store: &Store, method: &Method, twin: &Twin<'_>) -> TokenStream {
    let Captures { clones_self, copied, boxing } = &method.captures;
    let owns = *clones_self || !copied.is_empty() || method.reach == Reach::Pointer;
    let future =
        if owns { owning(store, method, twin) } else { twin(&self_of(method).to_token_stream(), &method.arguments()) };
    if method.form != Form::Future {
        return future;
    }
    match (boxing, &method.declared) {
        (Boxing::Pinned, _) | (_, ReturnType::Default) => quote!(::std::boxed::Box::pin(#future)),
        (Boxing::Unpin, _) => quote!(::std::boxed::Box::new(::std::boxed::Box::pin(#future))),
        (Boxing::Alias, ReturnType::Type(_, ty)) => {
            let of_decorator = at(ty.span(), runtime(store, "FutureOfDecorator"));
            quote!(<#ty as #of_decorator>::boxed(::std::boxed::Box::pin(#future)))
        }
    }
}

/// The call of the inherent twin.
pub(super) fn twin(method: &Method) -> TokenStream {
    let (this, borrow) = (self_of(method), (method.reach == Reach::Pointer).then(|| quote!(&)));
    twin_of(method, &quote!(#borrow #this), &method.arguments())
}

/// The same with this receiver and these arguments.
pub(super) fn twin_of(method: &Method, receiver: &TokenStream, arguments: &TokenStream) -> TokenStream {
    let (name, turbofish) = (&method.ident, turbofish(&method.generics));
    quote!(Self::#name #turbofish (#receiver #arguments))
}

/// The future of the twin with owned copies in it.
fn owning(store: &Store, method: &Method, twin: &Twin<'_>) -> TokenStream {
    let Captures { clones_self, copied, .. } = &method.captures;
    let (this, decorator) = (self_of(method), local("decorator"));
    let clones = *clones_self && method.reach != Reach::Pointer;
    let clone = clones.then(|| quote!(let #decorator = <Self as ::core::clone::Clone>::clone(#this);));
    let receiver = match method.reach {
        Reach::Pointer => quote!((&#this)),
        _ if clones => quote!((&#decorator)),
        _ => quote!(#this),
    };
    let copies = copied.iter().filter(|place| !method.params[**place].is_owned()).map(|place| {
        let param = &method.params[*place];
        let name = &param.ident;
        let copy = match &param.passing {
            Passing::Borrowed(target) => {
                let (borrowed, no_copy) = (runtime(store, "Borrowed"), runtime(store, "NoCopy"));
                let copied = at(target.span(), quote!(#borrowed(#name).copied()));
                quote! {{
                    #[allow(unused_imports, reason = "unused if it can be copied")]
                    use #no_copy as _;
                    #copied
                }}
            }
            _ => param.to_owned(false),
        };
        quote!(let #name = #copy;)
    });
    let arguments = method.params.iter().enumerate().map(|(place, param)| {
        let name = &param.ident;
        if copied.contains(&place) { Param::for_store(param) } else { quote!(#name) }
    });
    let call = twin(&receiver, &quote!(#(, #arguments)*));
    quote!({
        #clone
        #(#copies)*
        async move { #call.await }
    })
}
