//! A store trait and the names of its generated types.

use proc_macro2::Ident;
use syn::{Attribute, Generics, Path, TraitItemConst, TraitItemType, TypeParamBound, Visibility};

use super::{FamilyName, Method};

/// A valid store trait.
pub(crate) struct Store {
    /// The path of the runtime crate.
    pub(crate) krate: Path,
    /// The first parts of every key.
    pub(crate) namespace: String,
    /// The trait's visibility, which all generated items share.
    pub(crate) vis: Visibility,
    /// The trait's name.
    pub(crate) ident: Ident,
    /// The trait's parameters and where clause, with the backing store in place of `Self`.
    pub(crate) generics: Generics,
    /// Whether the generated types need `S: Trait`, because one of their types mentions the store.
    pub(crate) projects: bool,
    /// The `cfg` attributes of the trait.
    pub(crate) cfgs: Vec<Attribute>,
    /// The lint levels of the trait.
    pub(crate) lints: Vec<Attribute>,
    /// `#[async_trait]`, if the trait has it.
    pub(crate) async_trait: Option<Attribute>,
    /// `CachingX`
    pub(crate) decorator: Ident,
    /// `CachingXBuilder`
    pub(crate) builder: Ident,
    /// `CachingXView`
    pub(crate) view: Ident,
    /// The type parameter that stands for the backing store.
    pub(crate) backing: Ident,
    /// The type parameter of the view that stands for its access.
    pub(crate) access: Ident,
    /// The supertraits that a generated type may not implement by itself.
    pub(crate) supertraits: Vec<TypeParamBound>,
    /// Its associated types and constants.
    pub(crate) associated: Vec<Associated>,
    /// The families of the tags that its entries carry, each once.
    pub(crate) families: Vec<FamilyName>,
    /// Its methods.
    pub(crate) methods: Vec<Method>,
}

/// An associated item that is no function.
pub(crate) enum Associated {
    /// An associated type.
    Type(TraitItemType),
    /// An associated constant.
    Const(TraitItemConst),
}
