//! Names in generated code.

use std::collections::HashSet;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::ext::IdentExt;

use crate::model::{Method, Store};

/// A hygienic variable of generated code, distinct from all names of the user.
pub(super) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The same, with the location of other tokens in messages.
pub(super) fn local_at(name: &str, place: Span) -> Ident {
    Ident::new(name, Span::mixed_site().located_at(place))
}

/// A name of the runtime crate that only generated code uses.
pub(super) fn runtime(store: &Store, name: &str) -> TokenStream {
    let krate = &store.krate;
    let name = Ident::new(name, Span::call_site());
    quote!(#krate::__macro::v1::#name)
}

/// The tokens, with another location in messages.
pub(super) fn at(place: Span, tokens: TokenStream) -> TokenStream {
    tokens.into_iter().map(|token| token_at(place, token)).collect()
}

fn token_at(place: Span, token: TokenTree) -> TokenTree {
    let mut token = match token {
        TokenTree::Group(group) => TokenTree::Group(Group::new(group.delimiter(), at(place, group.stream()))),
        token => token,
    };
    token.set_span(token.span().located_at(place));
    token
}

/// `prefix` and the method's name, without `r#`.
pub(super) fn derived(prefix: &str, method: &Ident) -> Ident {
    format_ident!("{prefix}{}", method.unraw(), span = method.span())
}

/// The function that returns the scope of the first parts of a key.
pub(super) fn prefix_scope(read: &Ident, length: usize) -> Ident {
    format_ident!("__scope_{length}_{}", read.unraw())
}

/// `self`, as the receiver of the method spells it: the identifier is hygienic too.
pub(super) fn self_of(method: &Method) -> Ident {
    let span = method.receiver.as_ref().map_or_else(Span::call_site, |receiver| receiver.self_token.span);
    Ident::new("self", span)
}

/// The tokens without those that are there already.
pub(super) fn distinct(all: impl IntoIterator<Item = TokenStream>) -> Vec<TokenStream> {
    let mut known = HashSet::new();
    all.into_iter().filter(|tokens| known.insert(tokens.to_string())).collect()
}
