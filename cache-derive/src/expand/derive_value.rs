//! `#[derive(CacheValue)]`

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse_quote;

use crate::model::{Field, Positional, Shape, ShapeKind};

/// The parameters of 64-bit FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The implementation of `CacheValue`.
pub(crate) fn cache_value(shape: &Shape, positional: Positional) -> TokenStream {
    let Shape { krate, ident, .. } = shape;
    let mut generics = shape.generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(#krate::CacheValue));
    }
    let (params, args, clause) = generics.split_for_impl();
    let names = fnv(&names(shape));
    let fields = shape.fields().map(|field| of_field(shape, field));
    let arguments = shape.generics.type_params().map(|param| {
        let name = &param.ident;
        quote!(<#name as #krate::CacheValue>::FINGERPRINT)
    });
    let parts = fields.chain(arguments);
    let positional = self_describing_only(shape, positional);
    quote! {
        #[automatically_derived]
        impl #params #krate::CacheValue for #ident #args #clause {
            const FINGERPRINT: u64 = {
                let hash: u64 = #names;
                #(let hash = #krate::__macro::v1::hash_fingerprint(hash, #parts);)*
                hash
            };
            #positional
        }
    }
}

/// The fingerprint of a field's type.
///
/// A type that contains itself is represented by its name: its own fingerprint would be needed to compute it.
fn of_field(shape: &Shape, field: &Field) -> TokenStream {
    let (krate, ty) = (&shape.krate, &field.ty);
    if is_by_name(shape, field) {
        let hash = fnv(&ty.to_token_stream().to_string().replace(char::is_whitespace, ""));
        return quote!(#hash);
    }
    quote!(#krate::__macro::v1::fingerprint!(#ty))
}

/// The reason why the type needs a codec with field names, if it does.
///
/// It is that of the type itself, or of its first such field.
fn self_describing_only(shape: &Shape, positional: Positional) -> Option<TokenStream> {
    let krate = &shape.krate;
    let constant = |value| quote!(const SELF_DESCRIBING_ONLY: ::core::option::Option<&'static str> = #value;);
    if let Some(attribute) = positional {
        let text = format!(
            "`codec = postcard` does not return `{}` as it was: {attribute}. Use `codec = msgpack`, or leave the attribute out",
            shape.ident.unraw()
        );
        return Some(constant(quote!(::core::option::Option::Some(#text))));
    }
    let seen = shape.fields().filter(|field| !field.skipped && !is_by_name(shape, field)).map(|field| &field.ty);
    let mut types: Vec<&syn::Type> = Vec::new();
    for ty in seen {
        if !types.contains(&ty) {
            types.push(ty);
        }
    }
    let all = types.iter().map(|ty| quote!(#krate::__macro::v1::self_describing_only!(#ty)));
    (!types.is_empty()).then(|| constant(quote!(#krate::__macro::v1::first_of(&[#(#all),*]))))
}

/// Whether the type of a field is represented by its name.
fn is_by_name(shape: &Shape, field: &Field) -> bool {
    let tokens = field.ty.to_token_stream();
    field.flagged || mentions(&tokens, "Self") || mentions(&tokens, &shape.ident.to_string())
}

/// Every name and every attribute that changes the bytes.
///
/// Each ends with a character that none contains.
fn names(shape: &Shape) -> String {
    let mut names = format!("{}\0{}\0", shape.ident.unraw(), shape.serde);
    match &shape.kind {
        ShapeKind::Struct(fields) => fields.iter().for_each(|field| push(&mut names, field)),
        ShapeKind::Enum(variants) => {
            for variant in variants {
                names.extend(["|", &variant.ident.unraw().to_string(), "\0", &variant.serde, "\0"]);
                variant.fields.iter().for_each(|field| push(&mut names, field));
            }
        }
    }
    names
}

fn push(names: &mut String, field: &Field) {
    let name = match &field.member {
        syn::Member::Named(name) => name.unraw().to_string(),
        syn::Member::Unnamed(place) => place.index.to_string(),
    };
    names.extend([&name, "\0", &field.serde, "\0"]);
}

/// 64-bit FNV-1a.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

/// Whether a name occurs in the tokens, at any depth.
pub(super) fn mentions(tokens: &TokenStream, name: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => mentions(&group.stream(), name),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv("foobar"), 0x8594_4171_f739_67e8);
    }
}
