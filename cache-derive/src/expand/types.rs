//! The types of keys, values and errors.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{GenericParam, Type};

use super::names::runtime;
use crate::model::{Batch, KeyForm, Method, Param, Passing, Read, Returned, Store};
use crate::types::{last_segment, peel};

/// Types of the standard library that are parts of a key. One that is shadowed is reported as well, with more errors.
const KNOWN_PARTS: [&str; 15] =
    ["bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "String"];

/// Whether a type is one of these names, without a path.
fn is_named(ty: &Type, names: &[&str]) -> bool {
    matches!(peel(ty), Type::Path(path) if path.qself.is_none() && names.iter().any(|name| path.path.is_ident(name)))
}

/// The type of a key: a tuple of owned parts.
pub(super) fn key(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let parts = read.key.iter().map(|place| method.params[*place].part_type(store));
    quote!((#(#parts,)*))
}

/// The type of a cached value; an `Option` if some errors of the store are absences.
pub(super) fn value(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let value = value_of(store, method, &read.returned);
    if read.options.absent.is_some() { quote!(::core::option::Option<#value>) } else { value }
}

fn value_of(store: &Store, method: &Method, returned: &Returned) -> TokenStream {
    match returned {
        Returned::Result(value) => value.to_token_stream(),
        Returned::Value => method.output.to_token_stream(),
        Returned::Alias => {
            let seen = return_type(store, method);
            quote!(#seen::Value)
        }
    }
}

/// The type of the values of a batch.
pub(super) fn batch_value(store: &Store, method: &Method, batch: &Batch) -> TokenStream {
    value_of(store, method, &batch.returned)
}

/// The type of the store's errors; one without values if the method returns none.
pub(super) fn error(store: &Store, method: &Method, returned: &Returned) -> TokenStream {
    match returned {
        Returned::Result(_) => {
            let (output, fallible) = (&method.output, runtime(store, "Fallible"));
            quote!(<#output as #fallible>::Error)
        }
        Returned::Value => quote!(::core::convert::Infallible),
        Returned::Alias => {
            let seen = return_type(store, method);
            quote!(#seen::Error)
        }
    }
}

/// An expression of the method's return type, from an expression of its value.
pub(super) fn of_value(store: &Store, method: &Method, returned: &Returned, value: &TokenStream) -> TokenStream {
    match returned {
        Returned::Result(_) => quote!(::core::result::Result::Ok(#value)),
        Returned::Value => value.clone(),
        Returned::Alias => {
            let seen = return_type(store, method);
            quote!(#seen::of_value(#value))
        }
    }
}

/// The function of the region that reads and returns what the method does: `name`, or `name_as` with its arguments.
///
/// The latter infers as many of them.
pub(super) fn reading(
    store: &Store,
    method: &Method,
    returned: &Returned,
    name: &Ident,
    inferred: usize,
) -> TokenStream {
    let is_result = match returned {
        Returned::Result(_) => return name.to_token_stream(),
        Returned::Value => quote!(false),
        Returned::Alias => is_result(store, method),
    };
    let (name, output) = (format_ident!("{name}_as", span = name.span()), &method.output);
    let inferred = vec![quote!(_); inferred];
    quote!(#name::<#is_result, #output #(, #inferred)*>)
}

/// The return type of a method, seen through aliases.
fn return_type(store: &Store, method: &Method) -> TokenStream {
    let (output, is_result, seen) = (&method.output, is_result(store, method), runtime(store, "ReturnType"));
    quote!(<#output as #seen<#is_result>>)
}

/// Whether a return type is a `Result`, as a constant.
///
/// The compiler finds out. A constant may not mention a parameter of the trait, so `()` takes its place. A type that
/// mentions an item of a parameter is one that the runtime knows to be a result or none.
fn is_result(store: &Store, method: &Method) -> TokenStream {
    if is_parameter(store, &method.output) {
        return quote!(false);
    }
    let mut output = method.output.clone();
    Closed(store).visit_type_mut(&mut output);
    if depends_on_store(store, &output) {
        return quote!(true);
    }
    let is_result = runtime(store, "is_result");
    quote!({ #is_result!(#output) })
}

/// Puts `()` in the place of parameters.
struct Closed<'a>(&'a Store);

impl VisitMut for Closed<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if is_type_parameter(self.0, ty) {
            *ty = syn::parse_quote!(());
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}

fn is_type_parameter(store: &Store, ty: &Type) -> bool {
    let Type::Path(path) = peel(ty) else { return false };
    path.qself.is_none() && store.generics.type_params().any(|param| path.path.is_ident(&param.ident))
}

/// Whether a type is a parameter of the trait, or an item of one.
fn is_parameter(store: &Store, ty: &Type) -> bool {
    let Type::Path(path) = peel(ty) else { return false };
    // The output of a future, which is an alias itself, is not one of them.
    let is_of_future = || path.path.segments.iter().any(|segment| segment.ident == "Future");
    let is_item = match &path.qself {
        Some(_) => !is_of_future(),
        None => path.path.segments.len() == 2 && path.path.segments[0].arguments.is_empty(),
    };
    is_type_parameter(store, ty) || is_item && depends_on_store(store, ty) && arguments_are_closed(ty)
}

/// Whether the last segment of a path has no arguments.
fn arguments_are_closed(ty: &Type) -> bool {
    last_segment(ty).is_none_or(|segment| segment.arguments.is_empty())
}

/// Whether tokens mention the backing store or a parameter of the trait.
pub(super) fn depends_on_store(store: &Store, tokens: &impl ToTokens) -> bool {
    let tokens = tokens.to_token_stream();
    let params = store.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    params.chain([&store.backing]).any(|name| super::derive_value::mentions(&tokens, &name.to_string()))
}

impl Param {
    /// The type of the part of a key.
    pub(super) fn part_type(&self, store: &Store) -> TokenStream {
        match self.part {
            KeyForm::Itself => self.owned_type(),
            KeyForm::Text | KeyForm::Display => runtime(store, "TextPart"),
            KeyForm::Float => {
                let (float, number) = (runtime(store, "Float"), self.owned_type());
                quote!(#float<#number>)
            }
        }
    }

    /// Whether the part of a key is known to be a part, so that no bound has to say so.
    pub(super) fn is_known_part(&self) -> bool {
        match (&self.part, &self.passing) {
            (KeyForm::Text | KeyForm::Display, _) => true,
            (KeyForm::Itself, Passing::Owned) => is_named(&self.ty, &KNOWN_PARTS),
            (KeyForm::Itself, Passing::Borrowed(target)) => is_named(target, &["str"]),
            _ => false,
        }
    }

    /// The type of an owned copy.
    pub(super) fn owned_type(&self) -> TokenStream {
        match &self.passing {
            Passing::Owned => self.ty.to_token_stream(),
            Passing::Borrowed(target) if is_named(target, &["str"]) => quote!(::std::string::String),
            Passing::Borrowed(target) => quote!(<#target as ::std::borrow::ToOwned>::Owned),
            Passing::OptionalBorrowed(target) => {
                quote!(::core::option::Option<<#target as ::std::borrow::ToOwned>::Owned>)
            }
        }
    }
}
