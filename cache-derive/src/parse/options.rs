//! `name`, `name = value` and `name(list)`, separated by commas.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Token;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};

use crate::diag::Sink;

/// One option as written.
pub(crate) struct OptionSyntax {
    /// Its name.
    pub(crate) name: Ident,
    /// What follows the name.
    pub(crate) value: Value,
}

/// What follows the name of an option.
pub(crate) enum Value {
    /// Nothing.
    Nothing,
    /// `= value`
    Equals(TokenStream),
    /// `(list)`
    List(Group),
}

impl ToTokens for OptionSyntax {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        match &self.value {
            Value::Nothing => {}
            Value::Equals(value) => value.to_tokens(tokens),
            Value::List(list) => list.to_tokens(tokens),
        }
    }
}

impl OptionSyntax {
    /// Whether the option has this value after `=`.
    pub(crate) fn is(&self, value: &str) -> bool {
        matches!(&self.value, Value::Equals(tokens) if tokens.to_string() == value)
    }
}

/// Parses every option that can be parsed, and reports the others.
pub(crate) fn options(tokens: TokenStream, sink: &mut Sink) -> Vec<OptionSyntax> {
    let mut options = Vec::new();
    for piece in split(tokens) {
        let parser = |input: ParseStream<'_>| piece_of_options(input, &mut options, sink);
        if let Err(error) = parser.parse2(piece) {
            sink.syntax(error);
        }
    }
    options
}

/// Parses the one option of a piece, and those behind it if a comma is missing.
fn piece_of_options(input: ParseStream<'_>, options: &mut Vec<OptionSyntax>, sink: &mut Sink) -> syn::Result<()> {
    loop {
        let option = option(input)?;
        if !input.is_empty() {
            sink.syntax(input.error(format!("expected `,` after the option `{}`", option.name)));
        }
        options.push(option);
        if input.is_empty() {
            return Ok(());
        }
    }
}

/// The token streams between commas, other than those between generic arguments.
///
/// So a mistake in one does not hide those in the next.
fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut pieces = vec![TokenStream::new()];
    let mut end_of_arguments = 0;
    for (place, token) in tokens.iter().enumerate() {
        if place >= end_of_arguments && is(token, '<') {
            end_of_arguments = closing(&tokens, place).unwrap_or_default();
        }
        if place >= end_of_arguments && is(token, ',') {
            pieces.push(TokenStream::new());
        } else {
            pieces.last_mut().expect("one piece is always there").extend([token.clone()]);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// The place of the `>` that belongs to a `<`, if there is one.
fn closing(tokens: &[TokenTree], start: usize) -> Option<usize> {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(start) {
        let is_arrow = place > 0 && (is(&tokens[place - 1], '-') || is(&tokens[place - 1], '='));
        if is(token, '<') {
            depth += 1;
        } else if is(token, '>') && !is_arrow {
            depth -= 1;
        }
        if depth == 0 {
            return Some(place);
        }
    }
    None
}

fn is(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn option(input: ParseStream<'_>) -> syn::Result<OptionSyntax> {
    let name = input
        .call(Ident::parse_any)
        .map_err(|error| syn::Error::new(error.span(), "expected the name of an option"))?;
    let value = value(input)?;
    Ok(OptionSyntax { name, value })
}

fn value(input: ParseStream<'_>) -> syn::Result<Value> {
    if input.is_empty() {
        return Ok(Value::Nothing);
    }
    if input.peek(syn::token::Paren) {
        let group: Group = input.parse()?;
        debug_assert_eq!(group.delimiter(), Delimiter::Parenthesis);
        return Ok(Value::List(group));
    }
    if !input.peek(Token![=]) {
        return Err(input.error("expected `=`, `(` or `,`"));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() {
        return Err(syn::Error::new_spanned(equals, "expected a value after `=`"));
    }
    let first = input.fork();
    let tokens = value_tokens(input)?;
    if tokens.is_empty() { Err(first.error("expected a value")) } else { Ok(Value::Equals(tokens)) }
}

/// The tokens up to the end, or to the next option if a comma is missing.
fn value_tokens(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    if input.peek(syn::Lit) {
        tokens.extend([input.parse::<TokenTree>()?]);
        return Ok(tokens);
    }
    while !input.is_empty() {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    Ok(tokens)
}
