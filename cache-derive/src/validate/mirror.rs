//! The mirror of a foreign trait: it states signatures, and is not emitted.

use quote::ToTokens;
use syn::{Attribute, Path, TraitItem};

use super::over;
use crate::diag::{Problem, Sink};
use crate::model::Mirror;
use crate::options::{AttributeName, DECORATOR};
use crate::parse::{ItemSyntax, StoreSyntax};

/// The attributes that generated code uses, or that need no trait.
const USED: [&str; 8] = ["doc", "cfg", "allow", "expect", "warn", "deny", "async_trait", "rustfmt"];

/// Checks that the mirror has nothing but signatures.
pub(super) fn mirror(syntax: &StoreSyntax, path: Path, sink: &mut Sink) -> Mirror {
    for attribute in syntax.attrs.iter().filter(|attribute| !is_used(attribute)) {
        sink.report(
            Problem::at(attribute, format!("this attribute of `{}` has no effect", syntax.ident))
                .why("the trait is the mirror of a foreign one, and is not emitted")
                .instead("leave it out"),
        );
    }
    for method in syntax.methods().filter(|method| method.body.is_some()) {
        sink.report(
            Problem::at(&method.sig.ident, format!("`{}` has a body in a mirror", method.sig.ident))
                .why("the mirror of a foreign trait is not emitted, so that the body would never run")
                .instead(format!(
                    "`;` after its signature, and `#[{}({DECORATOR})]` above it if the default body of the foreign trait is to run \
                     over the decorator",
                    AttributeName::Over
                )),
        );
    }
    for item in &syntax.items {
        if let ItemSyntax::Other(item) = item
            && let Some(default) = default(item)
        {
            sink.report(
                Problem::at(default, "a mirror has no defaults")
                    .why("the mirror of a foreign trait is not emitted, and the decorator takes what its store has")
                    .instead("`;` after the type"),
            );
        }
    }
    Mirror {
        path,
        generics: syntax.generics.clone(),
        supertraits: syntax.supertraits.clone(),
        kept: syntax.methods().filter(|method| method.over().is_some()).map(over::kept).collect(),
    }
}

fn is_used(attribute: &Attribute) -> bool {
    let mut segments = attribute.path().segments.iter();
    let (first, last) = (segments.next(), segments.next_back());
    let named = |segment: &syn::PathSegment| USED.iter().any(|name| segment.ident == name);
    first.is_some_and(named) || last.is_some_and(named)
}

fn default(item: &TraitItem) -> Option<&dyn ToTokens> {
    match item {
        TraitItem::Const(item) => item.default.as_ref().map(|(_, value)| value as &dyn ToTokens),
        TraitItem::Type(item) => item.default.as_ref().map(|(_, ty)| ty as &dyn ToTokens),
        _ => None,
    }
}
