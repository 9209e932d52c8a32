//! Tags of entries.

use quote::ToTokens;
use syn::{Expr, LitStr, Path};

/// The family of a tag, as an annotation names it.
#[derive(Clone)]
pub(crate) enum FamilyName {
    /// A name that only this trait uses.
    Text(LitStr),
    /// A type that implements `TagFamily`.
    Type(Path),
}

/// A tag that the entries of a read method carry.
pub(crate) struct Tag {
    /// Its family.
    pub(crate) family: FamilyName,
    /// The parts of its key; one for a family that is a type.
    pub(crate) key: Vec<Expr>,
    /// Whether the value determines it; else the key does.
    pub(crate) of_value: bool,
}

impl FamilyName {
    /// The name, unless it is a type.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.value()),
            Self::Type(_) => None,
        }
    }
}

impl PartialEq for FamilyName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one.value() == two.value(),
            (Self::Type(one), Self::Type(two)) => {
                one.to_token_stream().to_string() == two.to_token_stream().to_string()
            }
            _ => false,
        }
    }
}

impl ToTokens for FamilyName {
    fn to_tokens(&self, tokens: &mut proc_macro2::TokenStream) {
        match self {
            Self::Text(text) => text.to_tokens(tokens),
            Self::Type(path) => path.to_tokens(tokens),
        }
    }
}
