//! The names of the attributes.

use std::fmt::{self, Display};

use syn::Attribute;

use crate::diag::closest;

/// The argument of `#[over(..)]`.
pub(crate) const DECORATOR: &str = "decorator";

/// An attribute of a store trait or of its methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttributeName {
    /// The annotation of the trait.
    CachedStore,
    /// A method that reads through the cache.
    Cached,
    /// A method that makes entries stale.
    Invalidates,
    /// A method that makes entries stale and stores new ones.
    Updates,
    /// A method that does not use the cache.
    Uncached,
    /// A method that keeps its default body, which runs over the decorator.
    Over,
}

impl AttributeName {
    /// The attributes of methods.
    pub(crate) const OF_METHODS: [Self; 5] =
        [Self::Cached, Self::Invalidates, Self::Updates, Self::Uncached, Self::Over];

    /// The name in source code.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::CachedStore => "cached_store",
            Self::Cached => "cached",
            Self::Invalidates => "invalidates",
            Self::Updates => "updates",
            Self::Uncached => "uncached",
            Self::Over => "over",
        }
    }

    /// Other names that users may expect.
    const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Cached => &["cache"],
            Self::Uncached => &["not_cached", "no_cache"],
            Self::CachedStore | Self::Invalidates | Self::Updates | Self::Over => &[],
        }
    }

    /// The attribute of a method with this name.
    pub(crate) fn of_method(name: &str) -> Option<Self> {
        Self::OF_METHODS.into_iter().find(|attribute| attribute.text() == name)
    }

    /// The attribute of a method that a misspelt attribute resembles.
    pub(crate) fn resembling(attribute: &Attribute) -> Option<Self> {
        let name = attribute.path().get_ident()?.to_string();
        let by_alias = Self::OF_METHODS.into_iter().find(|attribute| attribute.aliases().contains(&name.as_str()));
        by_alias.or_else(|| Self::of_method(closest(&name, &Self::OF_METHODS.map(Self::text))?))
    }
}

impl Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
