//! The mirror of a foreign trait.

use proc_macro2::Ident;
use syn::punctuated::Punctuated;
use syn::{Attribute, Generics, Path, Signature, Token, TypeParamBound};

/// A mirror, which the generated code does not declare.
pub(crate) struct Mirror {
    /// The foreign trait.
    pub(crate) path: Path,
    /// The parameters and where clause of the mirror, as written.
    pub(crate) generics: Generics,
    /// Its supertraits, as written.
    pub(crate) supertraits: Punctuated<TypeParamBound, Token![+]>,
    /// The methods that keep the default body of the foreign trait.
    pub(crate) kept: Vec<Kept>,
}

/// A method that the decorator does not implement.
pub(crate) struct Kept {
    /// Its `cfg` attributes.
    pub(crate) cfgs: Vec<Attribute>,
    /// Its lint levels.
    pub(crate) lints: Vec<Attribute>,
    /// Its signature, with a name for each parameter.
    pub(crate) sig: Signature,
    /// The names of the parameters after the receiver.
    pub(crate) arguments: Vec<Ident>,
}
