//! The type under a derive.

use proc_macro2::Ident;
use syn::{Generics, Path, Type};

/// A struct or an enum.
pub(crate) struct Shape {
    /// The path of the runtime crate.
    pub(crate) krate: Path,
    /// Its name.
    pub(crate) ident: Ident,
    /// Its parameters and where clause.
    pub(crate) generics: Generics,
    /// Its attributes that change how serde writes it.
    pub(crate) serde: String,
    /// Its fields or variants.
    pub(crate) kind: ShapeKind,
}

/// The attribute with which a codec without field names alters values, if any.
pub(crate) type Positional = Option<String>;

/// The fields or variants of a type.
pub(crate) enum ShapeKind {
    /// The fields of a struct.
    Struct(Vec<Field>),
    /// The variants of an enum.
    Enum(Vec<Variant>),
}

/// One variant.
pub(crate) struct Variant {
    /// Its name.
    pub(crate) ident: Ident,
    /// Its attributes that change how serde writes it.
    pub(crate) serde: String,
    /// Its fields.
    pub(crate) fields: Vec<Field>,
}

/// One field.
pub(crate) struct Field {
    /// Its name or its place.
    pub(crate) member: syn::Member,
    /// Its type.
    pub(crate) ty: Type,
    /// Its attributes that change how serde writes it.
    pub(crate) serde: String,
    /// Whether it carries the flag of the derive: `display` or `by_name`.
    pub(crate) flagged: bool,
    /// Whether it carries the flag `skipped`: serde does not write it.
    pub(crate) skipped: bool,
}

impl Shape {
    /// The fields of all variants.
    pub(crate) fn fields(&self) -> Box<dyn Iterator<Item = &Field> + '_> {
        match &self.kind {
            ShapeKind::Struct(fields) => Box::new(fields.iter()),
            ShapeKind::Enum(variants) => Box::new(variants.iter().flat_map(|variant| &variant.fields)),
        }
    }
}
