//! The decorator as a store.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{TraitItemConst, TraitItemType};

use super::names::at;
use super::{batch, forward, read, wrapped};
use crate::model::{Associated, Behaviour, Form, Method, Reach, Store};

/// The implementation of the trait.
pub(super) fn implementation(store: &Store) -> TokenStream {
    let Store { cfgs, lints, async_trait, decorator, .. } = store;
    let (params, args, bounds, as_trait) = (store.impl_params(), store.args(), store.impl_bounds(), store.as_trait());
    let associated = associated(store);
    let methods = store.methods.iter().map(|method| signed(store, method, body(store, method)));
    // The compiler reports a missing item of a foreign trait at its mirror.
    let place = store.mirror.as_ref().map(|_| store.ident.span());
    let (implement, of) = (located(place, quote!(impl)), located(place, quote!(for #decorator #args)));
    let body = braced(place, quote!(#associated #(#methods)*));
    quote! {
        #(#cfgs)* #(#lints)*
        #async_trait
        #[allow(trivial_bounds, reason = "a key or a value that cannot be cached is reported at its type")]
        #implement #params #as_trait #of #bounds #body
    }
}

/// The tokens, with another location in messages if there is one.
fn located(place: Option<Span>, tokens: TokenStream) -> TokenStream {
    match place {
        Some(place) => at(place, tokens),
        None => tokens,
    }
}

/// The tokens in braces that have a location of their own.
fn braced(place: Option<Span>, tokens: TokenStream) -> Group {
    let mut group = Group::new(Delimiter::Brace, tokens);
    if let Some(place) = place {
        group.set_span(group.span().located_at(place));
    }
    group
}

/// The associated types and constants, which are those of the backing store.
fn associated(store: &Store) -> TokenStream {
    let items = store.associated.iter().map(|item| match item {
        Associated::Type(item) => associated_type(store, item),
        Associated::Const(item) => associated_const(store, item),
    });
    items.collect()
}

fn associated_type(store: &Store, item: &TraitItemType) -> TokenStream {
    let (name, generics, of_backing) = (&item.ident, &item.generics, store.of_backing());
    let args = generics.split_for_impl().1;
    let clause = &generics.where_clause;
    let cfgs = item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    quote!(#(#cfgs)* type #name #generics = #of_backing::#name #args #clause;)
}

fn associated_const(store: &Store, item: &TraitItemConst) -> TokenStream {
    let (name, ty, of_backing) = (&item.ident, &item.ty, store.of_backing());
    let cfgs = item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    quote!(#(#cfgs)* const #name: #ty = #of_backing::#name;)
}

/// A method of the trait with this body.
fn signed(store: &Store, method: &Method, body: TokenStream) -> TokenStream {
    let Method { ident, cfgs, lints, generics, receiver, .. } = method;
    let clause = &generics.where_clause;
    let comma = receiver.is_some().then(|| quote!(,));
    let params = method.params.iter().map(crate::model::Param::declaration);
    let (asyncness, returns) = returns(method);
    // The compiler reports a method that the foreign trait does not have at the method of its mirror.
    let place = store.mirror.as_ref().map(|_| ident.span());
    let (function, body) = (located(place, quote!(#asyncness fn)), braced(place, body));
    quote! {
        #(#cfgs)* #(#lints)*
        #function #ident #generics (#receiver #comma #(#params),*) #returns #clause #body
    }
}

fn returns(method: &Method) -> (Option<TokenStream>, TokenStream) {
    match method.form {
        Form::Async => (Some(quote!(async)), method.declared.to_token_stream()),
        Form::Native => {
            let output = &method.output;
            (None, quote!(-> impl ::core::future::Future<Output = #output> + ::core::marker::Send))
        }
        Form::Sync | Form::Opaque | Form::Future => (None, method.declared.to_token_stream()),
    }
}

/// The body of a method.
///
/// The boxed future of a cached read does its look-up itself, which keeps it small. Other bodies call the twin.
fn body(store: &Store, method: &Method) -> TokenStream {
    match (method.form, &method.behaviour) {
        (Form::Async, Behaviour::Cached(read)) => read::body(store, method, read),
        (Form::Async, Behaviour::Batch(batch)) => batch::body(store, method, batch),
        (Form::Async, Behaviour::Uncached) => forward::awaited(store, method),
        (Form::Async, Behaviour::Invalidates(_)) => {
            let twin = wrapped::twin(method);
            quote!(#twin.await)
        }
        (Form::Sync, _) if method.is_probed => forward::probed(store, method),
        (Form::Sync, _) => forward::call(store, method),
        (Form::Future | Form::Opaque, Behaviour::Uncached) if method.reach == Reach::Shared => {
            forward::call(store, method)
        }
        (Form::Native | Form::Opaque | Form::Future, _) => {
            wrapped::body(store, method, &|receiver, arguments| wrapped::twin_of(method, receiver, arguments))
        }
    }
}
