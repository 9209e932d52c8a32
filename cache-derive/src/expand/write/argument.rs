//! Arguments of targets: expressions as written, and parts of keys that are computed once.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use crate::expand::names::local;
use crate::model::{Argument, Part, Passing, Write};

/// The parts of keys that are computed before the call consumes their parameters.
pub(super) fn parts(write: &Write) -> impl Iterator<Item = TokenStream> {
    write.before.iter().filter_map(|invalidation| invalidation.target.one_scope()).flat_map(|entries| {
        let cfgs = &entries.reader.cfgs;
        let parts = entries.extent.arguments().iter().filter_map(|argument| Some((argument, argument.part.as_ref()?)));
        parts.map(move |(argument, part)| {
            let part = kept(argument, part);
            quote!(#(#cfgs)* #part)
        })
    })
}

/// Computes an owned part of a key before the call consumes its parameter.
fn kept(written: &Argument, part: &Part) -> TokenStream {
    let (name, expression) = (local(&part.name), argument(written));
    match &part.passing {
        Passing::Owned => {
            let ty = &part.ty;
            quote!(let #name = <#ty as ::core::clone::Clone>::clone(#expression);)
        }
        Passing::Borrowed(target) => quote!(let #name = <#target as ::std::borrow::ToOwned>::to_owned(#expression);),
        Passing::OptionalBorrowed(target) => quote! {
            let #name = ::core::option::Option::<&#target>::map(#expression, <#target as ::std::borrow::ToOwned>::to_owned);
        },
    }
}

/// A kept part, in the form that the scope's function takes.
pub(super) fn view(part: &Part) -> TokenStream {
    let name = local(&part.name);
    match &part.passing {
        Passing::Owned => quote!(&#name),
        Passing::Borrowed(target) => quote!(::core::borrow::Borrow::<#target>::borrow(&#name)),
        Passing::OptionalBorrowed(target) => {
            quote!(::core::option::Option::map(#name.as_ref(), ::core::borrow::Borrow::<#target>::borrow))
        }
    }
}

/// The user's expression behind a reference with its location.
///
/// So the compiler reports a wrong type there.
pub(super) fn argument(argument: &Argument) -> TokenStream {
    let expression = &argument.expression;
    if argument.by_value {
        return quote!(#expression);
    }
    let span = expression.span();
    if binds_tightly(expression) { quote_spanned!(span=> &#expression) } else { quote_spanned!(span=> &(#expression)) }
}

fn binds_tightly(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Path(_)
            | Expr::Field(_)
            | Expr::MethodCall(_)
            | Expr::Call(_)
            | Expr::Index(_)
            | Expr::Lit(_)
            | Expr::Paren(_)
    )
}
