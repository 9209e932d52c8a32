//! How methods declare asynchrony: `async fn`, or a future as return type.

use proc_macro2::Ident;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    GenericArgument, Lifetime, PathArguments, PathSegment, ReturnType, Signature, Token, Type, TypeImplTrait,
    TypeParamBound,
};

use crate::model::Boxing;
use crate::types::{arguments, last_segment, only_type, peel};

/// How a method declares asynchrony.
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
    /// A type whose name does not show whether it is a future. The compiler decides.
    Unnamed(&'a Type),
}

/// A boxed future, as written.
pub(crate) struct BoxedFuture<'a> {
    /// The whole return type.
    pub(crate) ty: &'a Type,
    /// Its output.
    pub(crate) output: Output<'a>,
    /// Whether it is `Send`.
    pub(crate) is_send: bool,
    /// How it is boxed.
    pub(crate) form: Boxing,
    /// The lifetime of its borrows; without one it borrows nothing.
    pub(crate) lifetime: Option<&'a Lifetime>,
}

/// The output of a boxed future.
#[derive(Clone, Copy)]
pub(crate) enum Output<'a> {
    /// This type.
    Written(&'a Type),
    /// The output of the type that the method returns.
    Projected,
}

type Bounds = Punctuated<TypeParamBound, Token![+]>;

impl<'a> Style<'a> {
    /// The style of a signature, in a trait in which these names are futures.
    ///
    /// `wraps` is whether the decorator has to return a future of its own.
    pub(crate) fn of(sig: &'a Signature, futures: &[Ident], wraps: bool) -> Self {
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
        if let Some(boxed) = boxed(ty).or_else(|| other_alias(ty, futures).filter(|_| wraps)) {
            return Self::Boxed(boxed);
        }
        if mentions_a_future(ty, futures) {
            Self::Unknown(ty)
        } else if may_be_a_future(ty) {
            Self::Unnamed(ty)
        } else {
            Self::Sync
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
    let (output, form) =
        (Output::Written(future_output(bounds)?), if is_pinned { Boxing::Pinned } else { Boxing::Unpin });
    Some(BoxedFuture { ty, output, is_send: has(bounds, "Send"), form, lifetime })
}

/// `BoxFuture<'_, T>` and `LocalBoxFuture<'_, T>` of `futures`, or an alias of the program by that name.
///
/// The alias may wrap its argument, as in `Output = Result<T, Error>`: then only the compiler knows the output.
fn alias<'a>(ty: &'a Type, segment: &'a PathSegment) -> Option<BoxedFuture<'a>> {
    let written = only_type(segment)?;
    let is_a_result = last_segment(written).is_some_and(|segment| segment.ident.to_string().ends_with("Result"));
    let output = if is_a_result || is_of_futures(ty) { Output::Written(written) } else { Output::Projected };
    let is_send = segment.ident == "BoxFuture";
    Some(BoxedFuture { ty, output, is_send, form: Boxing::Pinned, lifetime: first_lifetime(segment) })
}

/// An alias by any other name. The compiler decides whether it is a boxed future.
fn other_alias<'a>(ty: &'a Type, futures: &[Ident]) -> Option<BoxedFuture<'a>> {
    let Type::Path(path) = peel(ty) else { return None };
    let (first, last) = (path.path.segments.first()?, path.path.segments.last()?);
    let is_of_the_store = path.qself.is_some() || first.ident == "Self" || futures.contains(&last.ident);
    if is_of_the_store || !may_be_a_future(ty) || ["Pin", "Box", "JoinHandle"].iter().any(|name| last.ident == name) {
        return None;
    }
    Some(BoxedFuture {
        ty,
        output: Output::Projected,
        is_send: true,
        form: Boxing::Alias,
        lifetime: first_lifetime(last),
    })
}

fn first_lifetime(segment: &PathSegment) -> Option<&Lifetime> {
    arguments(segment).find_map(|argument| match argument {
        GenericArgument::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    })
}

/// Whether the path of a type begins in one of the `futures` crates.
fn is_of_futures(ty: &Type) -> bool {
    matches!(peel(ty), Type::Path(path)
        if path.path.segments.first().is_some_and(|first| first.ident.to_string().starts_with("futures")))
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

/// Types of the standard library that are certainly no futures.
const NO_FUTURES: [&str; 32] = [
    "Result", "Option", "Vec", "String", "Arc", "Rc", "Cow", "HashMap", "BTreeMap", "HashSet", "BTreeSet", "VecDeque",
    "Duration", "Instant", "str", "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32",
    "i64", "i128", "isize", "f32", "f64", "PathBuf",
];

/// Whether a type may be a future, although no name in it shows that.
fn may_be_a_future(ty: &Type) -> bool {
    match peel(ty) {
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| NO_FUTURES.iter().all(|name| last.ident != name))
        }
        Type::Reference(reference) => reference.mutability.is_some() && may_be_a_future(&reference.elem),
        Type::ImplTrait(_) | Type::TraitObject(_) | Type::Macro(_) => true,
        _ => false,
    }
}

fn is_of_a_future(name: &Ident) -> bool {
    let name = name.to_string();
    name.ends_with("Future") || name == "JoinHandle"
}
