//! The targets of `#[invalidates(..)]`: what a write makes stale.
//!
//! ```text
//! target    := each | entries
//! each      := "each" "(" [pattern "in"] expression "=>" (target ",")* [condition] ")"
//! entries   := path "(" (expression ",")* [".."] [condition] ")" ["=" expression]
//! condition := "if" "=" expression
//! ```
//!
//! A new kind of target is a variant of [`Target`], and its own function here.

use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseBuffer, ParseStream};
use syn::{Expr, Pat, Path, RangeLimits, Token, parenthesized, token};

use crate::diag::Problem;

/// One target.
pub(crate) enum Target {
    /// `get(args..)`
    Entries(Box<EntriesTarget>),
    /// `each(item in items => get(item.id))`
    Each(Box<EachTarget>),
}

/// The entries of one read method: `get(args.., if = condition)`, and in `#[updates(..)]` their value.
pub(crate) struct EntriesTarget {
    /// The trait of the read method, if the target names one.
    pub(crate) owner: Option<Path>,
    /// The read method.
    pub(crate) read: Ident,
    /// The arguments for its key.
    pub(crate) args: Vec<Expr>,
    /// The `..` at the end.
    pub(crate) rest: Option<Expr>,
    /// The condition at the end.
    pub(crate) condition: Option<Expr>,
    /// The value that the write stores.
    pub(crate) value: Option<Expr>,
}

/// Targets for each element of a list.
pub(crate) struct EachTarget {
    /// The word `each`.
    pub(crate) keyword: Ident,
    /// The pattern in front of `in`.
    pub(crate) element: Option<Pat>,
    /// The list.
    pub(crate) list: Expr,
    /// The targets, which may name the element.
    pub(crate) targets: Vec<Target>,
    /// The condition at the end.
    pub(crate) condition: Option<Expr>,
}

impl Target {
    /// The first token, for messages about the whole target.
    pub(crate) fn place(&self) -> &Ident {
        match self {
            Self::Entries(entries) => &entries.read,
            Self::Each(each) => &each.keyword,
        }
    }

    /// Every target in it that is no list.
    pub(crate) fn entries(&self) -> Vec<&EntriesTarget> {
        match self {
            Self::Entries(entries) => vec![entries],
            Self::Each(each) => each.targets.iter().flat_map(Self::entries).collect(),
        }
    }

    /// Every expression that determines what goes stale.
    pub(crate) fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Entries(entries) => entries.args.iter().chain(entries.condition_of_target()).collect(),
            Self::Each(each) => {
                let nested = each.targets.iter().flat_map(Self::expressions);
                [&each.list].into_iter().chain(nested).chain(&each.condition).collect()
            }
        }
    }
}

impl EntriesTarget {
    /// The condition, unless it is that of the value.
    pub(crate) fn condition_of_target(&self) -> Option<&Expr> {
        self.condition.as_ref().filter(|_| self.value.is_none())
    }
}

impl Parse for Target {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if is_each(input) {
            each(input).map(|each| Self::Each(Box::new(each)))
        } else {
            input.parse().map(Self::Entries)
        }
    }
}

impl Parse for EntriesTarget {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (owner, read) = read_method(input)?;
        if !input.peek(token::Paren) {
            return Err(no_arguments(&read));
        }
        let content;
        parenthesized!(content in input);
        let (mut args, condition) = listed::<Expr>(&content)?;
        let rest = args.pop_if(|last| is_rest(last));
        let is_stored = input.peek(Token![=]) && !input.peek(Token![==]) && !input.peek(Token![=>]);
        let value = if is_stored { Some(value(input)?) } else { None };
        Ok(Self { owner, read, args, rest, condition, value })
    }
}

/// A read method, with the trait in front of it.
fn read_method(input: ParseStream<'_>) -> syn::Result<(Option<Path>, Ident)> {
    if input.peek(Ident::peek_any) && !input.peek2(Token![::]) {
        return Ok((None, input.call(Ident::parse_any)?));
    }
    let mut path = Path::parse_mod_style(input)?;
    let Some(read) = path.segments.pop() else { return Err(input.error("expected a read method")) };
    path.segments.pop_punct();
    let is_own = path.is_ident("Self");
    Ok(((!is_own).then_some(path), read.ident))
}

/// Whether a list of elements follows. A read method may be called `each` as well.
fn is_each(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let is_named = ahead.parse::<Ident>().is_ok_and(|name| name == "each");
    let content = |ahead: &ParseBuffer<'_>| -> syn::Result<TokenStream> {
        let content;
        parenthesized!(content in ahead);
        content.parse()
    };
    is_named && content(&ahead).is_ok_and(has_arrow)
}

/// Whether there is a `=>` outside of groups.
fn has_arrow(tokens: TokenStream) -> bool {
    let mut is_after_equals = false;
    for token in tokens {
        let TokenTree::Punct(punct) = token else {
            is_after_equals = false;
            continue;
        };
        if is_after_equals && punct.as_char() == '>' {
            return true;
        }
        is_after_equals = punct.as_char() == '=' && punct.spacing() == Spacing::Joint;
    }
    false
}

fn each(input: ParseStream<'_>) -> syn::Result<EachTarget> {
    let keyword = input.parse()?;
    let content;
    parenthesized!(content in input);
    let element = element(&content)?;
    let list = content.parse()?;
    let arrow: Token![=>] = content.parse()?;
    let (targets, condition) = listed(&content)?;
    if targets.is_empty() {
        return Err(Problem::at(arrow, "`each(..)` names no read method")
            .why("it invalidates the entries that its targets name, once for each element")
            .instead("`each(item in items => get(item.id))`")
            .into());
    }
    Ok(EachTarget { keyword, element, list, targets, condition })
}

/// The pattern in front of `in`, if there is one.
fn element(content: ParseStream<'_>) -> syn::Result<Option<Pat>> {
    let ahead = content.fork();
    if ahead.call(Pat::parse_single).is_err() || !ahead.peek(Token![in]) {
        return Ok(None);
    }
    let element = content.call(Pat::parse_single)?;
    content.parse::<Token![in]>()?;
    Ok(Some(element))
}

/// Items separated by commas, with a condition as the last one.
fn listed<T: Parse>(content: ParseStream<'_>) -> syn::Result<(Vec<T>, Option<Expr>)> {
    let (mut items, mut condition) = (Vec::new(), None);
    while !content.is_empty() {
        if content.peek(Token![if]) && content.peek2(Token![=]) {
            condition = Some(self::condition(content)?);
            break;
        }
        items.push(content.parse()?);
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    Ok((items, condition))
}

/// `= expression`
fn value(input: ParseStream<'_>) -> syn::Result<Expr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn condition(content: ParseStream<'_>) -> syn::Result<Expr> {
    let keyword: Token![if] = content.parse()?;
    content.parse::<Token![=]>()?;
    let condition: Expr = content.parse()?;
    content.parse::<Option<Token![,]>>()?;
    if content.is_empty() {
        return Ok(condition);
    }
    Err(Problem::at(keyword, "`if = ..` is not the last item of its target")
        .why("it decides on the whole target, and stands after everything that it decides on")
        .instead(format!("`.., if = {})`", condition.to_token_stream()))
        .into())
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
