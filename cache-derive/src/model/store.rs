//! A store trait and the names of its generated types.

use proc_macro2::Ident;
use syn::{Attribute, Generics, Path, TraitItemConst, TraitItemType, Visibility};

use super::{FamilyName, Method, Mirror};

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
    /// The foreign trait, if the annotated one is its mirror.
    pub(crate) mirror: Option<Mirror>,
    /// How methods that take `&mut self` reach the backing store.
    pub(crate) exclusive: Option<Exclusive>,
    /// The supertraits that the decorator implements or mentions.
    pub(crate) supertraits: Supertraits,
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
    /// `CachingXCachedOnly`
    pub(crate) cached_only: Ident,
    /// `CachingXWithInfo`
    pub(crate) with_info: Ident,
    /// The type parameter that stands for the backing store.
    pub(crate) backing: Ident,
    /// Its associated types and constants.
    pub(crate) associated: Vec<Associated>,
    /// The families of the tags that its entries carry, each once.
    pub(crate) families: Vec<FamilyName>,
    /// Its methods.
    pub(crate) methods: Vec<Method>,
}

/// How methods that take `&mut self` reach the backing store, which the decorator shares.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exclusive {
    /// Each runs on a clone of the store, which is a handle.
    Clone,
    /// The store is behind a lock.
    Lock,
}

/// The supertraits of the trait.
pub(crate) struct Supertraits {
    /// Whether the decorator implements `Display`.
    pub(crate) displays: bool,
    /// Those that the user implements for the decorator.
    pub(crate) others: Vec<Path>,
}

/// An associated item that is no function.
pub(crate) enum Associated {
    /// An associated type.
    Type(TraitItemType),
    /// An associated constant.
    Const(TraitItemConst),
}
