//! Removes our attributes from tokens that failed to parse.
//!
//! Otherwise rustc would report them as unknown.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::options::AttributeName;

/// The tokens without `#[cached(..)]` and the like, at any depth.
pub(crate) fn without_cache_attributes(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) if is_cache_attribute(&group) && ends_with_hash(&kept) => {
                kept.pop();
            }
            TokenTree::Group(group) => kept.push(TokenTree::Group(inside(&group))),
            token => kept.push(token),
        }
    }
    kept.into_iter().collect()
}

fn inside(group: &Group) -> Group {
    let mut stripped = Group::new(group.delimiter(), without_cache_attributes(group.stream()));
    stripped.set_span(group.span());
    stripped
}

fn is_cache_attribute(group: &Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket
        && matches!(first, Some(TokenTree::Ident(name)) if AttributeName::of_method(&name.to_string()).is_some())
}

fn ends_with_hash(tokens: &[TokenTree]) -> bool {
    matches!(tokens.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == '#')
}
