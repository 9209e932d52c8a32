//! Types, by the names in them.

use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// The type without the invisible groups that `macro_rules` leaves, and without parentheses.
pub(crate) fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        ty => ty,
    }
}

/// The last segment of a type that is a path.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match peel(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The generic arguments of a segment.
pub(crate) fn arguments(segment: &PathSegment) -> impl Iterator<Item = &GenericArgument> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten()
}

/// The types among the generic arguments of a segment.
pub(crate) fn type_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    arguments(segment).filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The first type among them.
pub(crate) fn first_type(segment: &PathSegment) -> Option<&Type> {
    type_arguments(segment).next()
}

/// The type among them, if there is exactly one.
pub(crate) fn only_type(segment: &PathSegment) -> Option<&Type> {
    let mut types = type_arguments(segment);
    types.next().filter(|_| types.next().is_none())
}
