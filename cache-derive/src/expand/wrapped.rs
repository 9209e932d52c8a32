//! The body of a method with an explicit future type: a call of its twin.

use proc_macro2::TokenStream;
use quote::quote;

use super::generics::turbofish;
use super::names::{local, self_of};
use crate::model::{Captures, Form, Method, Param};

/// The future of the twin, boxed if the signature says so.
///
/// Arguments that it may not borrow are copied first.
pub(super) fn body(method: &Method) -> TokenStream {
    let Captures { clones_self, copied, unpinned } = &method.captures;
    let future = if *clones_self || !copied.is_empty() { owning(method) } else { twin(method) };
    match (method.form, unpinned) {
        (Form::Future, false) => quote!(::std::boxed::Box::pin(#future)),
        (Form::Future, true) => quote!(::std::boxed::Box::new(::std::boxed::Box::pin(#future))),
        _ => future,
    }
}

/// The call of the twin.
pub(super) fn twin(method: &Method) -> TokenStream {
    let (name, this, turbofish, arguments) =
        (&method.ident, self_of(method), turbofish(&method.generics), method.arguments());
    quote!(Self::#name #turbofish (#this #arguments))
}

/// The call of the twin, in a future that owns copies of the arguments.
fn owning(method: &Method) -> TokenStream {
    let Captures { clones_self, copied, .. } = &method.captures;
    let (name, this, turbofish, decorator) =
        (&method.ident, self_of(method), turbofish(&method.generics), local("decorator"));
    let clone = clones_self.then(|| quote!(let #decorator = ::core::clone::Clone::clone(#this);));
    let receiver = if *clones_self { quote!(&#decorator) } else { quote!(#this) };
    let copies = copied.iter().filter(|place| !method.params[**place].is_owned()).map(|place| {
        let param = &method.params[*place];
        let (name, copy) = (&param.ident, param.to_owned(false));
        quote!(let #name = #copy;)
    });
    let arguments = method.params.iter().enumerate().map(|(place, param)| {
        let name = &param.ident;
        if copied.contains(&place) { Param::for_store(param) } else { quote!(#name) }
    });
    quote!({
        #clone
        #(#copies)*
        async move { Self::#name #turbofish (#receiver #(, #arguments)*).await }
    })
}
