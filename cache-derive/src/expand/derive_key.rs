//! `#[derive(CacheKey)]`

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Member, WherePredicate, parse_quote};

use super::names::{at, local};
use crate::model::{Field, Shape, ShapeKind, Variant};

/// The implementation of `CacheKey`.
pub(crate) fn cache_key(shape: &Shape) -> TokenStream {
    let Shape { krate, ident, .. } = shape;
    let generics = bounded(shape);
    let (params, args, clause) = generics.split_for_impl();
    let (out, other) = (local("out"), local("other"));
    let body = match &shape.kind {
        ShapeKind::Struct(fields) => fields
            .iter()
            .map(|field| {
                let member = &field.member;
                write(shape, field, &quote!(&self.#member))
            })
            .collect(),
        ShapeKind::Enum(variants) if variants.is_empty() => quote!(match *self {}),
        ShapeKind::Enum(variants) => {
            let arms = variants.iter().map(|variant| arm(shape, variant));
            quote!(match self { #(#arms)* })
        }
    };
    let unused = shape.fields().next().is_none().then(|| quote!(let _ = &#out;));
    let same = same(shape);
    let unused_other = unused.is_some().then(|| quote!(let _ = &#other;));
    quote! {
        #[automatically_derived]
        impl #params #krate::CacheKey for #ident #args #clause {
            fn write_key(&self, #out: &mut #krate::KeyWriter) {
                #unused
                #body
            }

            #[inline]
            fn same_key(&self, #other: &Self) -> bool {
                #unused_other
                #same
            }
        }
    }
}

fn arm(shape: &Shape, variant: &Variant) -> TokenStream {
    let (ident, out) = (&variant.ident, local("out"));
    let name = ident.unraw().to_string();
    let members: Vec<&Member> = variant.fields.iter().map(|field| &field.member).collect();
    let bindings: Vec<_> = (0..members.len()).map(|place| local(&format!("field_{place}"))).collect();
    let writes =
        variant.fields.iter().zip(&bindings).map(|(field, binding)| write(shape, field, &binding.to_token_stream()));
    quote! {
        Self::#ident { #(#members: #bindings),* } => {
            #out.part(#name);
            #(#writes)*
        }
    }
}

fn write(shape: &Shape, field: &Field, value: &TokenStream) -> TokenStream {
    let (krate, out) = (&shape.krate, local("out"));
    let call =
        if field.flagged { quote!(#out.display(#value);) } else { quote!(#krate::CacheKey::write_key(#value, #out);) };
    at(field.ty.span(), call)
}

/// Compares the parts that two values write, field by field.
///
/// The type's own `Eq` may differ from that.
fn same(shape: &Shape) -> TokenStream {
    let other = local("other");
    match &shape.kind {
        ShapeKind::Struct(fields) => all(fields.iter().map(|field| {
            let member = &field.member;
            compare(shape, field, &quote!(&self.#member), &quote!(&#other.#member))
        })),
        ShapeKind::Enum(variants) if variants.is_empty() => quote!(match *self {}),
        ShapeKind::Enum(variants) => {
            let arms = variants.iter().map(|variant| {
                let ident = &variant.ident;
                let members: Vec<&Member> = variant.fields.iter().map(|field| &field.member).collect();
                let names =
                    |prefix: &str| (0..members.len()).map(|at| local(&format!("{prefix}_{at}"))).collect::<Vec<_>>();
                let (ours, theirs) = (names("field"), names("other"));
                let pairs = variant.fields.iter().zip(ours.iter().zip(&theirs));
                let same = all(pairs.map(|(field, (one, two))| compare(shape, field, &quote!(#one), &quote!(#two))));
                quote!((Self::#ident { #(#members: #ours),* }, Self::#ident { #(#members: #theirs),* }) => #same,)
            });
            let otherwise = (variants.len() > 1).then(|| quote!(_ => false,));
            quote!(match (self, #other) { #(#arms)* #otherwise })
        }
    }
}

fn all(comparisons: impl Iterator<Item = TokenStream>) -> TokenStream {
    let comparisons: Vec<_> = comparisons.collect();
    if comparisons.is_empty() { quote!(true) } else { quote!(#(#comparisons)&&*) }
}

fn compare(shape: &Shape, field: &Field, one: &TokenStream, two: &TokenStream) -> TokenStream {
    let krate = &shape.krate;
    let call = if field.flagged {
        quote!(#krate::__macro::v1::same_display(#one, #two))
    } else {
        quote!(#krate::CacheKey::same_key(#one, #two))
    };
    at(field.ty.span(), call)
}

/// The parameters, with the bounds on the types of generic fields.
fn bounded(shape: &Shape) -> syn::Generics {
    let mut generics = shape.generics.clone();
    let names: Vec<String> = generics.type_params().map(|param| param.ident.to_string()).collect();
    for field in shape.fields() {
        let Field { ty, flagged, .. } = field;
        let tokens = ty.to_token_stream();
        if names.iter().any(|name| super::derive_value::mentions(&tokens, name)) {
            let krate = &shape.krate;
            let bound = if *flagged { quote!(::core::fmt::Display) } else { quote!(#krate::CacheKey) };
            let predicate: WherePredicate = parse_quote!(#ty: #bound);
            generics.make_where_clause().predicates.push(predicate);
        }
    }
    generics
}
