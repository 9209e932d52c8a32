//! Parameters, and what else a signature says.

use proc_macro2::Ident;
use quote::{ToTokens, format_ident};
use syn::visit_mut::VisitMut;
use syn::{FnArg, GenericParam, Lifetime, Pat, PatType, Receiver, ReceiverKind, Signature, Type, WherePredicate};

use super::returned::{borrows, option_of};
use super::self_type::{SelfType, mentions};
use crate::diag::{Problem, Sink};
use crate::model::{KeyForm, Param, Passing};
use crate::types::peel;

/// The floating-point numbers, which are no parts of a key by themselves.
const FLOATS: [&str; 2] = ["f32", "f64"];

/// The named lifetime of a receiver.
pub(super) fn lifetime_of(receiver: &Receiver) -> Option<&Lifetime> {
    match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, _) => lifetime.as_ref(),
        ReceiverKind::Typed(_, ty) => match peel(ty) {
            Type::Reference(reference) => reference.lifetime.as_ref(),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the signature demands `Self: Sized`, which a decorator of `dyn Store` cannot give.
pub(super) fn requires_sized(sig: &Signature) -> bool {
    let Some(clause) = &sig.generics.where_clause else { return false };
    clause.predicates.iter().any(|predicate| match predicate {
        WherePredicate::Type(predicate) => {
            is_self(&predicate.bounded_ty)
                && predicate.bounds.iter().any(|bound| bound.to_token_stream().to_string().ends_with("Sized"))
        }
        _ => false,
    })
}

/// Whether a type is `Self`.
pub(super) fn is_self(ty: &Type) -> bool {
    matches!(peel(ty), Type::Path(path) if path.path.is_ident("Self"))
}

/// The parameters after the receiver.
pub(super) fn params(sig: &Signature, self_type: &mut SelfType, sink: &mut Sink) -> Vec<Param> {
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    typed.enumerate().map(|(place, typed)| param(place, typed, self_type, sink)).collect()
}

fn param(place: usize, typed: &PatType, self_type: &mut SelfType, sink: &mut Sink) -> Param {
    if let Some(attribute) = typed.attrs.first() {
        sink.report(
            Problem::at(attribute, "attributes of parameters are not supported")
                .why("generated code repeats the signature in several forms")
                .instead("put `cfg` on the whole method, once for each form of it"),
        );
    }
    let mut ty = (*typed.ty).clone();
    self_type.visit_type_mut(&mut ty);
    let ident = name_of(&typed.pat).unwrap_or_else(|| format_ident!("argument_{place}"));
    let passing = passing(&ty);
    let part = key_form(&ty, &passing);
    Param { ident, ty, passing, part }
}

fn key_form(ty: &Type, passing: &Passing) -> KeyForm {
    let target = match passing {
        Passing::Borrowed(target) => target,
        Passing::Owned | Passing::OptionalBorrowed(_) => ty,
    };
    match target {
        target if is_float(target) => KeyForm::Float,
        _ if !passing.can_be_owned(ty) || mentions_a_float(ty) => KeyForm::Text,
        _ => KeyForm::Itself,
    }
}

fn is_float(ty: &Type) -> bool {
    matches!(peel(ty), Type::Path(path) if FLOATS.iter().any(|float| path.path.is_ident(float)))
}

fn mentions_a_float(ty: &Type) -> bool {
    let tokens = ty.to_token_stream();
    FLOATS.iter().any(|float| mentions(&tokens, float))
}

/// Renames parameters that begin with an underscore, since generated code uses them.
pub(super) fn without_underscores(params: &mut [Param]) {
    for place in 0..params.len() {
        let written = params[place].ident.to_string();
        let Some(plain) = written.strip_prefix('_') else { continue };
        let free = params.iter().all(|param| param.ident != plain);
        let plain = syn::parse_str::<Ident>(plain).ok().filter(|_| free);
        params[place].ident = plain.unwrap_or_else(|| format_ident!("argument_{place}"));
    }
}

/// The name of a parameter, if its pattern is one.
pub(super) fn name_of(pat: &Pat) -> Option<Ident> {
    match pat {
        Pat::Ident(name) if name.subpat.is_none() => Some(name.ident.clone()),
        _ => None,
    }
}

fn passing(ty: &Type) -> Passing {
    if let Some(target) = borrowed(ty) {
        return Passing::Borrowed(target.clone());
    }
    match option_of(ty).and_then(borrowed) {
        Some(target) => Passing::OptionalBorrowed(target.clone()),
        None => Passing::Owned,
    }
}

fn borrowed(ty: &Type) -> Option<&Type> {
    match peel(ty) {
        Type::Reference(reference) if reference.mutability.is_none() => {
            let forever = reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
            (!forever).then_some(&reference.elem)
        }
        _ => None,
    }
}

impl Passing {
    /// Whether an owned copy of a parameter of this type can be made, as far as the type shows.
    fn can_be_owned(&self, ty: &Type) -> bool {
        match self {
            Self::Owned => !borrows(ty),
            Self::Borrowed(target) | Self::OptionalBorrowed(target) => !borrows(target),
        }
    }
}

impl Param {
    /// Whether an owned copy of it can be made, as far as its type shows.
    pub(super) fn can_be_owned(&self) -> bool {
        self.passing.can_be_owned(&self.ty)
    }
}

/// The first parameter of the method itself that stands for a type or a value.
pub(super) fn generic_parameter(sig: &Signature) -> Option<&dyn ToTokens> {
    let declared = sig.generics.params.iter().find(|param| !matches!(param, GenericParam::Lifetime(_)));
    let opaque = sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(typed) if matches!(peel(&typed.ty), Type::ImplTrait(_)) => Some(&*typed.ty),
        _ => None,
    });
    declared.map(|param| param as &dyn ToTokens).or_else(|| opaque.map(|ty| ty as &dyn ToTokens))
}
