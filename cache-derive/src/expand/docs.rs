//! The documentation of generated code.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, Lit, Meta, PathArguments};

use super::names::derived;
use super::source_text::source_text;
use crate::model::{Behaviour, Commits, Method, Reach, Returned, Store};

/// `#[doc = ".."]` for each line.
pub(super) fn lines(text: &str) -> TokenStream {
    let lines = text.lines().map(|line| if line.is_empty() { String::new() } else { format!(" {line}") });
    quote!(#(#[doc = #lines])*)
}

/// The documentation of a method's inherent twin: its own, and a paragraph on the cache.
pub(super) fn twin(store: &Store, method: &Method) -> TokenStream {
    let name = &method.ident;
    let own = &method.docs;
    let intro = own.is_empty().then(|| lines(&format!("`{name}` of {}, through the cache.", link(store))));
    let added = lines(&format!("\n{}{}", added(method), access(method)));
    let (title, text) = section(method);
    let section = (!has_section(own, title)).then(|| lines(&format!("\n{title}\n\n{text}")));
    quote!(#intro #(#own)* #added #section)
}

/// The section on what can go wrong.
fn section(method: &Method) -> (&'static str, &'static str) {
    match returned(method) {
        Some(Returned::Value) => ("# Panics", "If the store panics."),
        _ => ("# Errors", "Those of the store behind it."),
    }
}

/// The kind of the return type of a method that reads through the cache.
fn returned(method: &Method) -> Option<&Returned> {
    match &method.behaviour {
        Behaviour::Cached(read) => Some(&read.returned),
        Behaviour::Batch(batch) => Some(&batch.returned),
        Behaviour::Invalidates(_) | Behaviour::Uncached => None,
    }
}

/// A link to the trait.
pub(super) fn link(store: &Store) -> String {
    let Some(mirror) = &store.mirror else { return format!("[`{}`]", store.ident) };
    let mut path = mirror.path.clone();
    for segment in &mut path.segments {
        segment.arguments = PathArguments::None;
    }
    let name = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    format!("[`{name}`]({})", source_text(&path))
}

fn added(method: &Method) -> String {
    let text = match &method.behaviour {
        Behaviour::Cached(_) => {
            "Cached: a hit of the local tier allocates nothing. The load runs in a task of its own, which continues if the caller is dropped."
        }
        Behaviour::Batch(batch) => {
            return format!(
                "Cached with the entries of `{}`: what the tiers do not have is loaded in one call, in a task of its own.",
                batch.one
            );
        }
        Behaviour::Invalidates(write) if write.commits == Commits::Caller => {
            return format!(
                "Goes to the store, in a transaction of the caller.\n\nThe decorator cannot see the commit: reads of the entries that the \
                 call changes go to the store until its lock expires.\n\nUse [`{begin}`](Self::{begin}) around the transaction instead, and \
                 call the store through [`backing`](Self::backing).",
                begin = derived("begin_", &method.ident)
            );
        }
        Behaviour::Invalidates(write) if !write.stored.is_empty() => {
            "Goes to the store, makes the entries stale that the call changes, and stores the new values."
        }
        Behaviour::Invalidates(_) => "Goes to the store, and makes the entries stale that the call changes.",
        Behaviour::Uncached => "Not cached: goes to the store at every call.",
    };
    text.to_owned()
}

/// The access to the store of a method that takes `&mut self` in the trait.
fn access(method: &Method) -> &'static str {
    match method.reach {
        Reach::Shared | Reach::Pointer | Reach::Read => "",
        Reach::Clone => "\n\nIt takes `&self`, unlike in the trait: the call runs on a clone of the store.",
        Reach::Write => "\n\nIt takes `&self`, unlike in the trait: the call holds the write lock of the store.",
    }
}

fn has_section(docs: &[Attribute], title: &str) -> bool {
    docs.iter().any(|attribute| text(attribute).is_some_and(|text| text.trim_start().starts_with(title)))
}

fn text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}
