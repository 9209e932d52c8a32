//! The attributes that declare the effect of a method on the cache.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Meta, RangeLimits, Token};

use super::{OptionSyntax, Value, options};
use crate::diag::{Problem, Sink, closest};

/// The names of these attributes.
const NAMES: [&str; 4] = ["cached", "invalidates", "updates", "uncached"];

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
            | Self::Uncached(attribute) => attribute,
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Cached(..) | Self::Batch(..) => "cached",
            Self::Invalidates(..) => "invalidates",
            Self::Updates(..) => "updates",
            Self::Uncached(..) => "uncached",
        }
    }

    /// Parses one of our attributes; returns any other attribute unchanged.
    pub(crate) fn parse(attribute: Attribute, sink: &mut Sink) -> Result<Self, Box<Attribute>> {
        match attribute_name(&attribute) {
            Some("cached") => {
                let options = options(list(&attribute, sink), sink);
                let batch = options.iter().any(|option| option.name == "batch");
                Ok(if batch { Self::Batch(attribute, options) } else { Self::Cached(attribute, options) })
            }
            Some("invalidates") => {
                let (targets, options) = targets(&attribute, sink);
                Ok(Self::Invalidates(attribute, targets, options))
            }
            Some("updates") => Ok(Self::Updates(attribute)),
            Some(_) => {
                no_list(&attribute, sink);
                Ok(Self::Uncached(attribute))
            }
            None => Err(Box::new(attribute)),
        }
    }
}

/// The name of a cache attribute, by the last segment of the attribute's path.
pub(super) fn attribute_name(attribute: &Attribute) -> Option<&'static str> {
    let last = attribute.path().segments.last()?;
    NAMES.into_iter().find(|name| last.ident == name)
}

/// The cache attribute that a misspelt attribute resembles.
pub(super) fn meant(attribute: &Attribute) -> Option<&'static str> {
    let name = attribute.path().get_ident()?.to_string();
    match name.as_str() {
        "cache" => Some("cached"),
        "not_cached" | "no_cache" => Some("uncached"),
        name => closest(name, &NAMES),
    }
}

fn list(attribute: &Attribute, sink: &mut Sink) -> TokenStream {
    if let Meta::List(list) = &attribute.meta {
        return list.tokens.clone();
    }
    sink.report(
        Problem::at(attribute, "`#[cached]` says nothing about what to cache")
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
