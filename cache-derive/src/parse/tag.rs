//! `"family", key..` or `Family, key..`: a family of tags, and the key of one of them.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, LitStr, Path, Token};

use crate::model::FamilyName;

/// A tag as written.
pub(crate) struct TagSyntax {
    /// Its family.
    pub(crate) family: FamilyName,
    /// The parts of its key.
    pub(crate) key: Vec<Expr>,
}

impl Parse for TagSyntax {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let family = if input.peek(LitStr) {
            FamilyName::Text(input.parse()?)
        } else {
            FamilyName::Type(Path::parse_mod_style(input)?)
        };
        if input.is_empty() {
            return Ok(Self { family, key: Vec::new() });
        }
        input.parse::<Token![,]>()?;
        let key = Punctuated::<Expr, Token![,]>::parse_terminated(input)?;
        Ok(Self { family, key: key.into_iter().collect() })
    }
}
