//! The return type of a method, as far as its signature shows.

use syn::visit::{self, Visit};
use syn::{Lifetime, Type, TypeReference};

use crate::model::Returned;
use crate::types::{first_type, last_segment};

/// Names of types of the standard library, which are certainly no `Result`.
const NO_RESULTS: [&str; 32] = [
    "Option", "Vec", "String", "Arc", "Rc", "Box", "Cow", "HashMap", "BTreeMap", "HashSet", "BTreeSet", "VecDeque",
    "Duration", "Instant", "str", "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32",
    "i64", "i128", "isize", "f32", "f64", "PathBuf",
];

impl Returned {
    /// Classifies a type.
    pub(super) fn of(ty: &Type) -> Self {
        let Some(segment) = last_segment(ty) else {
            return Self::Value;
        };
        if NO_RESULTS.iter().any(|name| segment.ident == name) {
            return Self::Value;
        }
        let value = (segment.ident == "Result").then(|| first_type(segment)).flatten();
        value.map_or(Self::Alias, |value| Self::Result(Box::new(value.clone())))
    }

    /// The value, if it is visible.
    pub(super) fn value<'a>(&'a self, output: &'a Type) -> Option<&'a Type> {
        match self {
            Self::Result(value) => Some(value),
            Self::Value => Some(output),
            Self::Alias => None,
        }
    }
}

/// Whether a type is named `Result`, so that its `Ok` value can be passed on.
pub(super) fn is_called_result(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident.to_string().ends_with("Result"))
}

/// The `T` of `Option<T>`.
pub(super) fn option_of(ty: &Type) -> Option<&Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Option")?;
    first_type(segment)
}

/// Whether a type visibly borrows for a lifetime other than `'static`.
pub(super) fn borrows(ty: &Type) -> bool {
    let mut search = Borrows(false);
    search.visit_type(ty);
    search.0
}

struct Borrows(bool);

impl Visit<'_> for Borrows {
    fn visit_lifetime(&mut self, lifetime: &Lifetime) {
        self.0 |= lifetime.ident != "static";
    }

    fn visit_type_reference(&mut self, reference: &TypeReference) {
        self.0 |= reference.lifetime.is_none();
        visit::visit_type_reference(self, reference);
    }
}
