//! How methods declare asynchrony: `async fn`, or a future as return type.

use proc_macro2::Ident;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    GenericArgument, Lifetime, PathArguments, PathSegment, ReturnType, Signature, Token, Type, TypeImplTrait,
    TypeParamBound,
};

/// The form in which a method is asynchronous.
pub(crate) enum Style<'a> {
    /// Not asynchronous.
    Sync,
    /// `async fn`
    AsyncFn,
    /// `-> impl Future<Output = ..>`
    ImplFuture(&'a TypeImplTrait, &'a Type),
    /// `-> Pin<Box<dyn Future<Output = ..> + ..>>` and its aliases.
    Boxed(BoxedFuture<'a>),
    /// A future in a form that a decorator cannot return itself.
    Unknown(&'a Type),
}

/// A boxed future, as written.
pub(crate) struct BoxedFuture<'a> {
    /// The whole return type.
    pub(crate) ty: &'a Type,
    /// The output of the future.
    pub(crate) output: &'a Type,
    /// Whether it is `Send`.
    pub(crate) is_send: bool,
    /// Whether it is pinned; otherwise it is a `Box<dyn Future + Unpin>`.
    pub(crate) is_pinned: bool,
    /// The lifetime of its borrows; without one it borrows nothing.
    pub(crate) lifetime: Option<&'a Lifetime>,
}

type Bounds = Punctuated<TypeParamBound, Token![+]>;

impl<'a> Style<'a> {
    /// The style of a signature, given the names of futures in the trait.
    pub(crate) fn of(sig: &'a Signature, futures: &[Ident]) -> Self {
        if sig.asyncness.is_some() {
            return Self::AsyncFn;
        }
        let ReturnType::Type(_, ty) = &sig.output else { return Self::Sync };
        let ty = peel(ty);
        if let Type::ImplTrait(opaque) = ty
            && let Some(output) = future_output(&opaque.bounds)
        {
            return Self::ImplFuture(opaque, output);
        }
        match boxed(ty) {
            Some(boxed) => Self::Boxed(boxed),
            None if mentions_a_future(ty, futures) => Self::Unknown(ty),
            None => Self::Sync,
        }
    }
}

/// Recognises a boxed future by the names in its type.
fn boxed(ty: &Type) -> Option<BoxedFuture<'_>> {
    let segment = last_segment(ty)?;
    if segment.ident == "BoxFuture" || segment.ident == "LocalBoxFuture" {
        return alias(ty, segment);
    }
    let is_pinned = segment.ident == "Pin";
    let boxed = if is_pinned { last_segment(only_type(segment)?)? } else { segment };
    if boxed.ident != "Box" {
        return None;
    }
    let Type::TraitObject(object) = peel(only_type(boxed)?) else { return None };
    let bounds = &object.bounds;
    if !bounds.iter().all(is_known) || !(is_pinned || has(bounds, "Unpin")) {
        return None;
    }
    let lifetime = bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    });
    Some(BoxedFuture { ty, output: future_output(bounds)?, is_send: has(bounds, "Send"), is_pinned, lifetime })
}

/// Recognises `BoxFuture<'_, T>` and `LocalBoxFuture<'_, T>` of `futures`, or an alias with that name.
fn alias<'a>(ty: &'a Type, segment: &'a PathSegment) -> Option<BoxedFuture<'a>> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let lifetime = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    });
    let output = only_type(segment)?;
    Some(BoxedFuture { ty, output, is_send: segment.ident == "BoxFuture", is_pinned: true, lifetime })
}

/// Whether the decorator's own futures satisfy this bound of a boxed future.
fn is_known(bound: &TypeParamBound) -> bool {
    match bound {
        TypeParamBound::Lifetime(_) => true,
        TypeParamBound::Trait(bound) => {
            let name = bound.path.segments.last().map(|segment| &segment.ident);
            name.is_some_and(|name| ["Future", "Send", "Unpin"].iter().any(|known| name == known))
        }
        _ => false,
    }
}

fn has(bounds: &Bounds, name: &str) -> bool {
    bounds.iter().any(|bound| {
        matches!(bound, TypeParamBound::Trait(bound)
            if bound.path.segments.last().is_some_and(|segment| segment.ident == name))
    })
}

/// The `T` of `Future<Output = T>`.
fn future_output(bounds: &Bounds) -> Option<&Type> {
    bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let segment = bound.path.segments.last().filter(|segment| segment.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
            _ => None,
        })
    })
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match peel(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The type among the arguments, if there is exactly one.
fn only_type(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.next().filter(|_| types.next().is_none())
}

fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        ty => ty,
    }
}

/// Whether these bounds make a type a future.
pub(super) fn is_a_future(bounds: &Bounds) -> bool {
    let names = bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    });
    names.into_iter().any(|segment| is_of_a_future(&segment.ident))
}

/// Whether a type contains the name of a future.
///
/// Examples are `Self::SaveFuture<'_>` and `Option<BoxFuture<'_, T>>`.
fn mentions_a_future(ty: &Type, futures: &[Ident]) -> bool {
    let mut search = Futures { named: futures, found: false };
    search.visit_type(ty);
    search.found
}

struct Futures<'a> {
    named: &'a [Ident],
    found: bool,
}

impl Visit<'_> for Futures<'_> {
    fn visit_path_segment(&mut self, segment: &PathSegment) {
        self.found |= is_of_a_future(&segment.ident) || self.named.contains(&segment.ident);
        visit::visit_path_segment(self, segment);
    }
}

fn is_of_a_future(name: &Ident) -> bool {
    let name = name.to_string();
    name.ends_with("Future") || name == "JoinHandle"
}
