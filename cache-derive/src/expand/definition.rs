//! The trait itself, without our attributes.
//!
//! A plain `async fn` becomes a method that returns a future that is `Send`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ReturnType;

use crate::parse::{ItemSyntax, MethodSyntax, StoreSyntax};

/// The trait.
///
/// It is emitted even if the annotations are wrong, so that code that uses it still compiles. The mirror of a foreign
/// trait is never emitted.
pub(crate) fn definition(store: &StoreSyntax) -> TokenStream {
    if store.is_mirror() {
        return TokenStream::new();
    }
    let StoreSyntax { attrs, vis, unsafety, trait_token, ident, generics, supertraits, items, .. } = store;
    let clause = &generics.where_clause;
    let colon = (!supertraits.is_empty()).then(|| quote!(:));
    let boxed = store.async_trait().is_some();
    let items = items.iter().map(|item| match item {
        ItemSyntax::Method(method) => self::method(method, boxed),
        ItemSyntax::Other(item) => item.to_token_stream(),
    });
    quote! {
        #(#attrs)*
        #vis #unsafety #trait_token #ident #generics #colon #supertraits #clause {
            #(#items)*
        }
    }
}

fn method(method: &MethodSyntax, boxed: bool) -> TokenStream {
    if method.sig.asyncness.is_some() && !boxed {
        return returning_future(method);
    }
    let MethodSyntax { attrs, sig, body, .. } = method;
    let body = body.as_ref().map_or_else(|| quote!(;), ToTokens::to_token_stream);
    quote!(#(#attrs)* #sig #body)
}

fn returning_future(method: &MethodSyntax) -> TokenStream {
    let MethodSyntax { attrs, sig, body, .. } = method;
    let mut sig = sig.clone();
    sig.asyncness = None;
    let output = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    };
    sig.output = syn::parse_quote!(-> impl ::core::future::Future<Output = #output> + ::core::marker::Send);
    let allow = body.is_some().then(|| {
        quote!(#[allow(clippy::manual_async_fn, reason = "an async fn in a trait does not promise a future that is Send")])
    });
    let body = body.as_ref().map_or_else(|| quote!(;), |body| quote!({ async move #body }));
    quote!(#(#attrs)* #allow #sig #body)
}
