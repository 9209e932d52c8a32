//! The attributes that declare the effect of a method on the cache.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Meta, RangeLimits, Token};

use super::{OptionSyntax, Value, options};
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
    /// `#[updates(..)]`
    Updates(Attribute),
    /// `#[uncached]`
    Uncached(Attribute),
    /// `#[over(decorator)]`
    Over(Attribute),
}

/// One `read(args..)` of `#[invalidates(..)]`.
pub(crate) struct Target {
    /// The read method.
    pub(crate) read: Ident,
    /// The arguments for its key.
    pub(crate) args: Vec<Expr>,
    /// The `..` at the end.
    pub(crate) rest: Option<Expr>,
}

impl CacheAttribute {
    /// The attribute as written.
    pub(crate) fn attribute(&self) -> &Attribute {
        match self {
            Self::Cached(attribute, _)
            | Self::Batch(attribute, _)
            | Self::Invalidates(attribute, ..)
            | Self::Updates(attribute)
            | Self::Uncached(attribute)
            | Self::Over(attribute) => attribute,
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
            Some(AttributeName::Updates) => Ok(Self::Updates(attribute)),
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

/// A target or an option of `#[invalidates(..)]`.
enum Piece {
    Target(Target),
    Option(OptionSyntax),
}

impl Parse for Piece {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        ahead.call(Ident::parse_any)?;
        if !ahead.peek(Token![=]) {
            return input.parse().map(Self::Target);
        }
        let name = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        let value: Expr = input.parse()?;
        Ok(Self::Option(OptionSyntax { name, value: Value::Equals(value.into_token_stream()) }))
    }
}

fn nothing_invalidated(attribute: &Attribute) -> Problem {
    Problem::at(attribute, "`#[invalidates]` names no read method")
        .why("a write that invalidates nothing is `#[uncached]`")
        .instead("`#[invalidates(get_x(id))]` with a cached method of this trait, or `#[uncached]`")
}

impl Parse for Target {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let read = input.call(Ident::parse_any)?;
        if !input.peek(syn::token::Paren) {
            return Err(no_arguments(&read));
        }
        let content;
        syn::parenthesized!(content in input);
        let args = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
        let mut args: Vec<Expr> = args.into_iter().collect();
        let rest = args.pop_if(|last| is_rest(last));
        Ok(Self { read, args, rest })
    }
}

fn no_arguments(read: &Ident) -> syn::Error {
    Problem::at(read, format!("`{read}` is named without the entry that goes stale"))
        .why("each entry has a key, and a write changes some of them")
        .instead(format!("`{read}(..)` for all its entries, or `{read}(id)` for one"))
        .into()
}

/// Whether an expression is a bare `..`.
pub(crate) fn is_rest(expression: &Expr) -> bool {
    matches!(expression, Expr::Range(range)
        if range.start.is_none() && range.end.is_none() && matches!(range.limits, RangeLimits::HalfOpen(_)))
}
