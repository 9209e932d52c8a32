//! `#[over(decorator)]`: methods that keep their default body.

use quote::{ToTokens, format_ident};
use syn::{Attribute, FnArg, Pat};

use super::method::lints;
use super::signature::name_of;
use crate::diag::{Problem, Sink};
use crate::model::Kept;
use crate::options::{AttributeName, DECORATOR};
use crate::parse::{CacheAttribute, MethodSyntax};

/// Checks such a method.
pub(super) fn check(syntax: &MethodSyntax, attribute: &Attribute, is_mirror: bool, sink: &mut Sink) {
    let name = &syntax.sig.ident;
    let over = AttributeName::Over;
    for other in &syntax.cache_attributes {
        if !matches!(other, CacheAttribute::Uncached(_) | CacheAttribute::Over(_)) {
            sink.report(
                Problem::at(attribute, format!("`{name}` carries both `#[{}]` and `#[{over}]`", other.name()))
                    .why("its default body uses the cache through the methods that it calls, and has no entries of its own")
                    .instead("one of the two"),
            );
        }
    }
    if !is_mirror && syntax.body.is_none() {
        sink.report(
            Problem::at(attribute, format!("`{name}` has no default body that could run over the decorator"))
                .why(format!("`#[{over}({DECORATOR})]` leaves a method to its default body"))
                .instead("a default body, or one of `#[cached(..)]`, `#[invalidates(..)]`, `#[updates(..)]` and `#[uncached]`"),
        );
    }
}

/// A method of a mirror that keeps the default body of the foreign trait.
pub(super) fn kept(syntax: &MethodSyntax) -> Kept {
    let mut sig = syntax.sig.clone();
    let mut arguments = Vec::new();
    for input in &mut sig.inputs {
        let FnArg::Typed(typed) = input else { continue };
        let name = name_of(&typed.pat).unwrap_or_else(|| format_ident!("argument_{}", arguments.len()));
        *typed.pat = Pat::Verbatim(name.to_token_stream());
        arguments.push(name);
    }
    let cfgs = syntax.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect();
    Kept { cfgs, lints: lints(&syntax.attrs), sig, arguments }
}
