//! The attributes that declare the effect of a method on the cache.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseBuffer, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Meta, Token, parenthesized, token};

use super::{OptionSyntax, Target, Value, options};
use crate::diag::{Problem, Sink};
use crate::options::{AttributeName, DECORATOR, cached};

/// The declared effect of a method on the cache.
pub(crate) enum CacheAttribute {
    /// `#[cached(..)]`
    Cached(Attribute, Vec<OptionSyntax>),
    /// `#[cached(batch = .., ..)]`
    Batch(Attribute, Vec<OptionSyntax>),
    /// `#[invalidates(..)]`
    Invalidates(Attribute, Vec<Target>, Vec<OptionSyntax>),
    /// `#[updates(..)]`, which has the same form
    Updates(Attribute, Vec<Target>, Vec<OptionSyntax>),
    /// `#[uncached]`
    Uncached(Attribute),
    /// `#[over(decorator)]`
    Over(Attribute),
}

impl CacheAttribute {
    /// The attribute as written.
    pub(crate) fn attribute(&self) -> &Attribute {
        match self {
            Self::Cached(attribute, _)
            | Self::Batch(attribute, _)
            | Self::Invalidates(attribute, ..)
            | Self::Updates(attribute, ..)
            | Self::Uncached(attribute)
            | Self::Over(attribute) => attribute,
        }
    }

    /// The targets and the options of a write.
    pub(crate) fn write(&self) -> Option<(&[Target], &[OptionSyntax])> {
        match self {
            Self::Invalidates(_, targets, options) | Self::Updates(_, targets, options) => Some((targets, options)),
            Self::Cached(..) | Self::Batch(..) | Self::Uncached(_) | Self::Over(_) => None,
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> AttributeName {
        match self {
            Self::Cached(..) | Self::Batch(..) => AttributeName::Cached,
            Self::Invalidates(..) => AttributeName::Invalidates,
            Self::Updates(..) => AttributeName::Updates,
            Self::Uncached(..) => AttributeName::Uncached,
            Self::Over(..) => AttributeName::Over,
        }
    }

    /// Parses an attribute of this crate; returns any other attribute unchanged.
    pub(crate) fn parse(attribute: Attribute, sink: &mut Sink) -> Result<Self, Box<Attribute>> {
        // By the last segment: an attribute may be written with the path of the crate.
        let name = attribute.path().segments.last().and_then(|last| AttributeName::of_method(&last.ident.to_string()));
        match name {
            Some(AttributeName::Cached) => {
                let options = options(list(&attribute, sink), sink);
                let batch = options.iter().any(|option| option.name == cached::BATCH.row.name);
                Ok(if batch { Self::Batch(attribute, options) } else { Self::Cached(attribute, options) })
            }
            Some(AttributeName::Invalidates) => {
                let (targets, options) = targets(&attribute, sink);
                Ok(Self::Invalidates(attribute, targets, options))
            }
            Some(AttributeName::Updates) => {
                let (targets, options) = targets(&attribute, sink);
                Ok(Self::Updates(attribute, targets, options))
            }
            Some(AttributeName::Uncached) => {
                no_list(&attribute, sink);
                Ok(Self::Uncached(attribute))
            }
            Some(AttributeName::Over) => {
                decorator(&attribute, sink);
                Ok(Self::Over(attribute))
            }
            Some(AttributeName::CachedStore) | None => Err(Box::new(attribute)),
        }
    }
}

fn list(attribute: &Attribute, sink: &mut Sink) -> TokenStream {
    if let Meta::List(list) = &attribute.meta {
        return list.tokens.clone();
    }
    sink.report(
        Problem::at(attribute, "`#[cached]` has no options")
            .why("a key and a time to live have no safe default")
            .instead("`#[cached(entity = \"..\", key(..), ttl = \"5m\")]`"),
    );
    TokenStream::new()
}

fn no_list(attribute: &Attribute, sink: &mut Sink) {
    if !matches!(attribute.meta, Meta::Path(_)) {
        sink.report(
            Problem::at(attribute, "`#[uncached]` takes no arguments")
                .why("the method goes to the store at every call, there is nothing to choose")
                .instead("`#[uncached]`"),
        );
    }
}

fn decorator(attribute: &Attribute, sink: &mut Sink) {
    let is_decorator = matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == DECORATOR);
    if !is_decorator {
        sink.report(
            Problem::at(attribute, format!("`#[{}]` takes the argument `{DECORATOR}`", AttributeName::Over))
                .why("a default body runs over the store unless this attribute says that it runs over the decorator")
                .instead(format!("`#[{}({DECORATOR})]`, or leave it out", AttributeName::Over)),
        );
    }
}

fn targets(attribute: &Attribute, sink: &mut Sink) -> (Vec<Target>, Vec<OptionSyntax>) {
    let parsed = match &attribute.meta {
        Meta::List(_) => attribute.parse_args_with(Punctuated::<Piece, Token![,]>::parse_terminated),
        _ => Ok(Punctuated::new()),
    };
    let pieces = match parsed {
        Ok(pieces) => pieces,
        Err(error) => {
            sink.syntax(error);
            return Default::default();
        }
    };
    let (mut found, mut given) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Target(target) => found.push(target),
            Piece::Option(option) => given.push(option),
        }
    }
    if found.is_empty() {
        sink.report(nothing_invalidated(attribute));
    }
    (found, given)
}

/// A target or an option of `#[invalidates(..)]` or `#[updates(..)]`.
enum Piece {
    Target(Target),
    Option(OptionSyntax),
}

impl Parse for Piece {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !is_option(input) {
            return input.parse().map(Self::Target);
        }
        let name = input.call(Ident::parse_any)?;
        if input.peek(token::Paren) {
            return Ok(Self::Option(OptionSyntax { name, value: Value::List(input.parse()?) }));
        }
        input.parse::<Token![=]>()?;
        let value: Expr = input.parse()?;
        Ok(Self::Option(OptionSyntax { name, value: Value::Equals(value.into_token_stream()) }))
    }
}

/// Whether `name = ..` or `name(other = ..)` follows. Neither is a call of a read method.
fn is_option(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    if ahead.call(Ident::parse_any).is_err() {
        return false;
    }
    if ahead.peek(Token![=]) {
        return true;
    }
    let assigns = |ahead: &ParseBuffer<'_>| -> syn::Result<bool> {
        let content;
        parenthesized!(content in ahead);
        content.parse::<Ident>()?;
        Ok(content.peek(Token![=]) && !content.peek(Token![==]) && !content.peek(Token![=>]))
    };
    assigns(&ahead).unwrap_or(false)
}

fn nothing_invalidated(attribute: &Attribute) -> Problem {
    if attribute.path().segments.last().is_some_and(|last| last.ident == AttributeName::Updates.text()) {
        return Problem::at(attribute, "`#[updates]` names no entry")
            .why("it stores the value of an entry that the write has changed")
            .instead("`#[updates(get_x(id) = value)]` with a cached method of this trait");
    }
    Problem::at(attribute, "`#[invalidates]` names no read method")
        .why("a write that invalidates nothing is `#[uncached]`")
        .instead("`#[invalidates(get_x(id))]` with a cached method of this trait, or `#[uncached]`")
}
