//! Decides whether a call may change the value of an expression over its parameters.

use syn::visit::{self, Visit};
use syn::{Lifetime, PathSegment, Type, TypeReference};

use super::returned::option_of;
use crate::model::Lending;
use crate::types::{last_segment, peel, type_arguments};

/// Types without interior mutability.
const FROZEN: [&str; 44] = [
    "str",
    "String",
    "bool",
    "char",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "Uuid",
    "Path",
    "PathBuf",
    "OsStr",
    "OsString",
    "CStr",
    "Duration",
    "Instant",
    "SystemTime",
    "DateTime",
    "NonZero",
    "NonZeroU8",
    "NonZeroU16",
    "NonZeroU32",
    "NonZeroU64",
    "NonZeroI32",
    "NonZeroI64",
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "NaiveDate",
    "NaiveDateTime",
    "Utc",
    "Local",
    "FixedOffset",
    "Ordering",
];

/// Containers that have interior mutability only if their contents have.
const TRANSPARENT: [&str; 13] = [
    "Option", "Vec", "Box", "Arc", "Rc", "Cow", "VecDeque", "HashMap", "HashSet", "BTreeMap", "BTreeSet", "Result",
    "NonZero",
];

/// Types that change behind a shared reference, besides the atomic ones.
const MUTABLE_INSIDE: [&str; 9] =
    ["Mutex", "RwLock", "ReentrantMutex", "Cell", "RefCell", "OnceCell", "OnceLock", "LazyLock", "ArcSwap"];

/// The part of a parameter that a call may change.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// Nothing that the caller can see.
    Nothing,
    /// Perhaps the value behind a shared reference.
    ///
    /// It may have interior mutability that its type does not show.
    Perhaps,
    /// The value behind a shared reference: its type names a lock, a cell or an atomic.
    Shared,
    /// The same behind a shared handle that the call takes. A clone shares the value.
    Handle,
    /// The value behind an exclusive reference, with the way to lend it, if any.
    Exclusive(Option<Lending>),
}

/// The change that a call returning `output` may make to a parameter of this type.
pub(super) fn change(ty: &Type, output: &Type) -> Change {
    let ty = peel(ty);
    if is_exclusive(ty) {
        return Change::Exclusive(lending(ty, output));
    }
    match ty {
        ty if is_shared_reference(ty) => match ty {
            ty if is_frozen(ty) => Change::Nothing,
            ty if is_mutable_inside(ty) => Change::Shared,
            _ => Change::Perhaps,
        },
        ty if is_handle(ty) && is_mutable_inside(ty) => Change::Handle,
        _ => Change::Nothing,
    }
}

/// Whether a value of this type is cheap to copy.
pub(super) fn is_small(ty: &Type) -> bool {
    let Some(segment) = last_segment(ty) else { return false };
    FROZEN.iter().any(|name| segment.ident == name && !["String", "PathBuf", "OsString"].contains(name))
}

/// `&T` or `Option<&T>`
fn is_shared_reference(ty: &Type) -> bool {
    let is_reference = |ty: &Type| matches!(peel(ty), Type::Reference(_));
    is_reference(ty) || option_of(ty).is_some_and(is_reference)
}

/// Whether some name in a type is that of a lock, a cell or an atomic.
fn is_mutable_inside(ty: &Type) -> bool {
    struct Search(bool);
    impl Visit<'_> for Search {
        fn visit_path_segment(&mut self, segment: &PathSegment) {
            let name = segment.ident.to_string();
            self.0 |= MUTABLE_INSIDE.contains(&name.as_str()) || name.starts_with("Atomic");
            visit::visit_path_segment(self, segment);
        }
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

/// Whether a type holds an exclusive reference, or a guard of something shared.
fn is_exclusive(ty: &Type) -> bool {
    struct Search(bool);
    impl Visit<'_> for Search {
        fn visit_type_reference(&mut self, reference: &TypeReference) {
            // No recursion: a value behind a shared reference is only read.
            if reference.mutability.is_some() {
                self.0 = true;
            }
        }

        fn visit_path_segment(&mut self, segment: &PathSegment) {
            let name = segment.ident.to_string();
            self.0 |= name == "RefMut" || name.ends_with("Guard");
            visit::visit_path_segment(self, segment);
        }
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

/// How a parameter is lent to the call, if that is possible.
///
/// It is not if the borrow has to last as long as the referenced value or the returned one.
fn lending(ty: &Type, output: &Type) -> Option<Lending> {
    let (lending, reference) = match ty {
        Type::Reference(reference) => (Lending::Reference, reference),
        ty => match option_of(ty).map(peel) {
            Some(Type::Reference(reference)) => (Lending::Optional, reference),
            _ => (Lending::Pinned, pinned(ty)?),
        },
    };
    reference.mutability?;
    let bound = reference.lifetime.as_ref().is_some_and(|lifetime| {
        lifetime.ident == "static"
            || mentions_lifetime(&reference.elem, lifetime)
            || mentions_lifetime(output, lifetime)
    });
    (!bound).then_some(lending)
}

fn pinned(ty: &Type) -> Option<&TypeReference> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Pin")?;
    match type_arguments(segment).next().map(peel) {
        Some(Type::Reference(reference)) => Some(reference),
        _ => None,
    }
}

fn mentions_lifetime(ty: &Type, lifetime: &Lifetime) -> bool {
    struct Search<'a>(&'a Lifetime, bool);
    impl Visit<'_> for Search<'_> {
        fn visit_lifetime(&mut self, lifetime: &Lifetime) {
            self.1 |= lifetime == self.0;
        }
    }
    let mut search = Search(lifetime, false);
    search.visit_type(ty);
    search.1
}

/// Whether a type has no interior mutability, judging by the names in it.
fn is_frozen(ty: &Type) -> bool {
    match peel(ty) {
        Type::Reference(reference) => is_frozen(&reference.elem),
        Type::Slice(slice) => is_frozen(&slice.elem),
        Type::Array(array) => is_frozen(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().all(is_frozen),
        ty => last_segment(ty).is_some_and(|segment| {
            FROZEN.iter().any(|name| segment.ident == name)
                || (TRANSPARENT.iter().any(|name| segment.ident == name) && type_arguments(segment).all(is_frozen))
        }),
    }
}

/// Whether a type can be cloned, and shares its contents with its clones.
fn is_handle(ty: &Type) -> bool {
    let Some(segment) = last_segment(ty) else { return false };
    if segment.ident == "Arc" {
        return !type_arguments(segment).all(is_frozen);
    }
    (segment.ident == "Option" || segment.ident == "Vec") && type_arguments(segment).any(is_handle)
}

#[cfg(test)]
mod tests {
    use syn::{Type, parse_quote};

    use super::{Change, Lending, change};

    fn of(ty: &Type) -> &'static str {
        match change(ty, &parse_quote!(Result<u64, Error>)) {
            Change::Nothing => "nothing",
            Change::Perhaps => "perhaps",
            Change::Shared => "shared",
            Change::Handle => "handle",
            Change::Exclusive(Some(Lending::Reference)) => "mutable",
            Change::Exclusive(Some(Lending::Optional)) => "mutable option",
            Change::Exclusive(Some(Lending::Pinned)) => "mutable pin",
            Change::Exclusive(None) => "taken",
        }
    }

    #[test]
    fn parameters_that_a_call_may_change_are_detected() {
        let table: [(Type, &str); 28] = [
            (parse_quote!(u64), "nothing"),
            (parse_quote!(Record), "nothing"),
            (parse_quote!(&str), "nothing"),
            (parse_quote!(&[u8]), "nothing"),
            (parse_quote!(&[String]), "nothing"),
            (parse_quote!(&(u64, Option<&str>)), "nothing"),
            (parse_quote!(&uuid::Uuid), "nothing"),
            (parse_quote!(Option<&str>), "nothing"),
            (parse_quote!(Arc<str>), "nothing"),
            (parse_quote!(&Record), "perhaps"),
            (parse_quote!(&[Record]), "perhaps"),
            (parse_quote!(&AtomicU64), "shared"),
            (parse_quote!(&Arc<RwLock<Record>>), "shared"),
            (parse_quote!(&&mut Record), "perhaps"),
            (parse_quote!(Option<&Record>), "perhaps"),
            (parse_quote!(Option<&std::cell::Cell<u64>>), "shared"),
            (parse_quote!(Arc<Mutex<Record>>), "handle"),
            (parse_quote!(Arc<Record>), "nothing"),
            (parse_quote!(Option<Arc<Mutex<Record>>>), "handle"),
            (parse_quote!(&mut Record), "mutable"),
            (parse_quote!(&'a mut [Record]), "mutable"),
            (parse_quote!(&mut impl HasId), "mutable"),
            (parse_quote!(Option<&mut Record>), "mutable option"),
            (parse_quote!(Pin<&mut Record>), "mutable pin"),
            (parse_quote!((&mut Record, u64)), "taken"),
            (parse_quote!(Vec<&mut Record>), "taken"),
            (parse_quote!(tokio::sync::OwnedMutexGuard<Record>), "taken"),
            (parse_quote!(&'a mut Vec<&'a str>), "taken"),
        ];
        for (ty, expected) in table {
            assert_eq!(of(&ty), expected, "{}", quote::quote!(#ty));
        }
    }
}
