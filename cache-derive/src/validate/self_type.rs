//! The type parameter that stands for the backing store, in place of `Self`.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};

/// Names the backing store, and records whether it was mentioned.
pub(super) struct SelfType {
    pub(super) ident: Ident,
    mentioned: bool,
}

impl SelfType {
    /// `S`, or `__S` if the trait uses that name itself.
    pub(super) fn of(source: &TokenStream) -> Self {
        let name = if mentions(source, "S") { "__S" } else { "S" };
        Self { ident: Ident::new(name, Span::call_site()), mentioned: false }
    }

    /// The result of `edit`, and whether it encountered `Self`.
    pub(super) fn tracking_mentions<T>(&mut self, edit: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let before = std::mem::take(&mut self.mentioned);
        let value = edit(self);
        let mentioned = std::mem::replace(&mut self.mentioned, before);
        (value, mentioned)
    }

    fn in_tokens(&mut self, tokens: TokenStream) -> TokenStream {
        tokens.into_iter().map(|token| self.in_token(token)).collect()
    }

    fn in_token(&mut self, token: TokenTree) -> TokenTree {
        match token {
            TokenTree::Ident(mut ident) => {
                self.visit_ident_mut(&mut ident);
                TokenTree::Ident(ident)
            }
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), self.in_tokens(group.stream()));
                inside.set_span(group.span());
                TokenTree::Group(inside)
            }
            token => token,
        }
    }
}

impl VisitMut for SelfType {
    fn visit_ident_mut(&mut self, ident: &mut Ident) {
        if ident == "Self" {
            *ident = Ident::new(&self.ident.to_string(), ident.span());
            self.mentioned = true;
        }
    }

    fn visit_macro_mut(&mut self, node: &mut syn::Macro) {
        node.tokens = self.in_tokens(std::mem::take(&mut node.tokens));
        visit_mut::visit_macro_mut(self, node);
    }
}

/// Whether an expression mentions a name, as [`mentions`] finds it.
pub(super) fn mentions_in(expression: &syn::Expr, name: &str) -> bool {
    mentions(&expression.to_token_stream(), name)
}

/// Whether the tokens mention a name, other than as a field or method.
///
/// Nested tokens count, and so do format strings that capture the name.
pub(super) fn mentions(tokens: &TokenStream, name: &str) -> bool {
    let mut dots = 0;
    for token in tokens.clone() {
        let found = match &token {
            TokenTree::Ident(ident) => ident == name && dots != 1,
            TokenTree::Group(group) => mentions(&group.stream(), name),
            TokenTree::Literal(literal) => captures(&literal.to_string(), name),
            TokenTree::Punct(_) => false,
        };
        if found {
            return true;
        }
        dots = if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.') { dots + 1 } else { 0 };
    }
    false
}

/// Whether a literal is a format string with `{name}` or `{name:..}` in it.
fn captures(literal: &str, name: &str) -> bool {
    let name = name.strip_prefix("r#").unwrap_or(name);
    literal.starts_with(['"', 'r'])
        && [format!("{{{name}}}"), format!("{{{name}:")].iter().any(|capture| literal.contains(capture))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::mentions;

    #[test]
    fn names_are_found_only_if_they_refer_to_the_parameter() {
        for (tokens, found) in [
            (quote!(record.id), true),
            (quote!(other.record), false),
            (quote!(0..record.n), true),
            (quote!(list[other(record)]), true),
            (quote!(format!("{record}/{}", 1)), true),
            (quote!(format!("{record:?}")), true),
            (quote!("record"), false),
        ] {
            assert_eq!(mentions(&tokens, "record"), found, "{tokens}");
        }
    }
}
