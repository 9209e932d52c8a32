//! The annotated trait.
//!
//! Signatures are parsed, bodies stay tokens, so that an incomplete default body does not prevent parsing the trait.

use std::rc::Rc;

use proc_macro2::{Group, TokenStream};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Generics, Ident, Signature, Token, TraitItem, TypeParamBound, Visibility, braced};

use super::{CacheAttribute, StoreArgs, Style, style};
use crate::diag::Sink;
use crate::options::{AttributeName, cached_store};

/// The trait as written.
pub(crate) struct StoreSyntax {
    /// The arguments of the annotation.
    pub(crate) args: StoreArgs,
    /// The attributes of the trait that are not ours.
    pub(crate) attrs: Vec<Attribute>,
    /// Its visibility.
    pub(crate) vis: Visibility,
    /// `unsafe`, if the trait has it.
    pub(crate) unsafety: Option<Token![unsafe]>,
    /// `trait`
    pub(crate) trait_token: Token![trait],
    /// Its name.
    pub(crate) ident: Ident,
    /// Its parameters and its where clause.
    pub(crate) generics: Generics,
    /// Its supertraits.
    pub(crate) supertraits: Punctuated<TypeParamBound, Token![+]>,
    /// Its items.
    pub(crate) items: Vec<ItemSyntax>,
    /// All of its tokens.
    pub(crate) source: TokenStream,
}

/// One item of the trait.
pub(crate) enum ItemSyntax {
    /// A method or an associated function.
    Method(Box<MethodSyntax>),
    /// Anything else.
    Other(Box<TraitItem>),
}

/// One method as written.
pub(crate) struct MethodSyntax {
    /// The attributes that are not ours.
    pub(crate) attrs: Vec<Attribute>,
    /// Ours.
    pub(crate) cache_attributes: Vec<CacheAttribute>,
    /// Those that resemble ours, each with the name that it resembles.
    pub(crate) misspelt: Vec<(Attribute, AttributeName)>,
    /// Its signature.
    pub(crate) sig: Signature,
    /// Its default body.
    pub(crate) body: Option<Group>,
    /// The associated types and parameters of the trait that are futures.
    pub(crate) futures: Rc<[Ident]>,
}

impl StoreSyntax {
    /// The `#[async_trait]` attribute, if the trait has it.
    pub(crate) fn async_trait(&self) -> Option<&Attribute> {
        self.attrs
            .iter()
            .find(|attribute| attribute.path().segments.last().is_some_and(|segment| segment.ident == "async_trait"))
    }

    /// Whether the trait is the mirror of a foreign one, right or wrong.
    pub(crate) fn is_mirror(&self) -> bool {
        self.args.options.iter().any(|option| option.name == cached_store::FOREIGN.row.name)
    }

    /// The methods of the trait.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &MethodSyntax> {
        self.items.iter().filter_map(|item| match item {
            ItemSyntax::Method(method) => Some(&**method),
            ItemSyntax::Other(_) => None,
        })
    }
}

impl MethodSyntax {
    /// The attribute that leaves the method to its default body.
    pub(crate) fn over(&self) -> Option<&Attribute> {
        self.cache_attributes.iter().find_map(|cache_attribute| match cache_attribute {
            CacheAttribute::Over(attribute) => Some(attribute),
            _ => None,
        })
    }

    /// The form in which the method is asynchronous.
    pub(crate) fn style(&self) -> Style<'_> {
        let wraps = self
            .cache_attributes
            .first()
            .is_some_and(|cache_attribute| !matches!(cache_attribute, CacheAttribute::Uncached(_)));
        Style::of(&self.sig, &self.futures, wraps)
    }
}

/// Parses the trait.
pub(super) fn parse(args: StoreArgs, item: TokenStream, sink: &mut Sink) -> syn::Result<StoreSyntax> {
    let source = item.clone();
    let parser = |input: ParseStream<'_>| store(args, source, input, sink);
    parser.parse2(item)
}

fn store(args: StoreArgs, source: TokenStream, input: ParseStream<'_>, sink: &mut Sink) -> syn::Result<StoreSyntax> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    let unsafety = input.parse()?;
    let trait_token = input.parse()?;
    let ident = input.parse()?;
    let mut generics: Generics = input.parse()?;
    let supertraits = supertraits(input)?;
    generics.where_clause = input.parse()?;
    let content;
    braced!(content in input);
    let mut items = Vec::new();
    while !content.is_empty() {
        items.push(item(&content, sink)?);
    }
    record_futures(&generics, &mut items);
    Ok(StoreSyntax { args, attrs, vis, unsafety, trait_token, ident, generics, supertraits, items, source })
}

/// Stores in every method the names of the trait that stand for futures.
///
/// An example is `Save` in `type Save<'a>: Future + Send`.
fn record_futures(generics: &Generics, items: &mut [ItemSyntax]) {
    let associated = items.iter().filter_map(|item| match item {
        ItemSyntax::Other(item) => match &**item {
            TraitItem::Type(ty) if style::is_a_future(&ty.bounds) => Some(ty.ident.clone()),
            _ => None,
        },
        ItemSyntax::Method(_) => None,
    });
    let params = generics.type_params().filter(|param| style::is_a_future(&param.bounds));
    let futures: Rc<[Ident]> = associated.chain(params.map(|param| param.ident.clone())).collect();
    for item in items {
        if let ItemSyntax::Method(method) = item {
            method.futures = Rc::clone(&futures);
        }
    }
}

fn supertraits(input: ParseStream<'_>) -> syn::Result<Punctuated<TypeParamBound, Token![+]>> {
    let mut bounds = Punctuated::new();
    if input.parse::<Option<Token![:]>>()?.is_none() {
        return Ok(bounds);
    }
    while !input.peek(Token![where]) && !input.peek(syn::token::Brace) {
        bounds.push_value(input.parse()?);
        if !input.peek(Token![+]) {
            break;
        }
        bounds.push_punct(input.parse()?);
    }
    Ok(bounds)
}

fn item(input: ParseStream<'_>, sink: &mut Sink) -> syn::Result<ItemSyntax> {
    let ahead = input.fork();
    ahead.call(Attribute::parse_outer)?;
    if ahead.parse::<Signature>().is_err() {
        return Ok(ItemSyntax::Other(Box::new(TraitItem::parse(input)?)));
    }
    let mut attrs = Vec::new();
    let mut cache_attributes = Vec::new();
    let mut misspelt = Vec::new();
    for attribute in input.call(Attribute::parse_outer)? {
        match CacheAttribute::parse(attribute, sink) {
            Ok(cache_attribute) => cache_attributes.push(cache_attribute),
            Err(attribute) => match AttributeName::resembling(&attribute) {
                Some(name) => misspelt.push((*attribute, name)),
                None => attrs.push(*attribute),
            },
        }
    }
    let sig = input.parse()?;
    let body = body(input)?;
    Ok(ItemSyntax::Method(Box::new(MethodSyntax {
        attrs,
        cache_attributes,
        misspelt,
        sig,
        body,
        futures: Rc::default(),
    })))
}

fn body(input: ParseStream<'_>) -> syn::Result<Option<Group>> {
    if input.parse::<Option<Token![;]>>()?.is_some() { Ok(None) } else { input.parse().map(Some) }
}
