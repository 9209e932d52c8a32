//! The macros of `cache-core`. Use them through that crate, which documents them where they are re-exported.
//!
//! A small compiler, read in this order: [`parse`] turns tokens into what was written, [`validate`] turns that into a
//! [`model`] that is known to be right, [`expand`] turns the model into code and reports nothing, and [`diag`] collects
//! what is wrong, so that one build reports all of it.

mod diag;
mod expand;
mod model;
mod parse;
mod validate;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;

use diag::Sink;

/// Generates the caching decorator `CachingX` of a store trait `X`.
///
/// The annotation stands above `#[async_trait]`. Every async method of the trait says what it does to the cache:
/// `#[cached(..)]`, `#[invalidates(..)]` or `#[uncached]`.
#[proc_macro_attribute]
pub fn cached_store(args: TokenStream, item: TokenStream) -> TokenStream {
    cached_store_tokens(args.into(), item.into()).into()
}

/// Writes the fields of a type as parts of a key.
///
/// A variant of an enum writes its name before its fields. `#[cache_key(display)]` on a field writes what it displays,
/// for types that are not keys themselves. `#[cache_key(crate = path)]` on the type names a renamed crate.
#[proc_macro_derive(CacheKey, attributes(cache_key))]
pub fn derive_cache_key(item: TokenStream) -> TokenStream {
    cache_key_tokens(item.into()).into()
}

/// Gives a type a fingerprint of its name, its fields and their types, computed at compile time.
///
/// Two builds whose fingerprints differ never read each other's cached bytes. `#[cache_value(by_name)]` on a field takes
/// the name of its type instead of that type's own fingerprint, which ends a circle of types that contain each other.
/// `#[cache_value(crate = path)]` on the type names a renamed crate.
#[proc_macro_derive(CacheValue, attributes(cache_value))]
pub fn derive_cache_value(item: TokenStream) -> TokenStream {
    cache_value_tokens(item.into()).into()
}

fn cached_store_tokens(args: Tokens, item: Tokens) -> Tokens {
    let mut sink = Sink::default();
    let Some(syntax) = parse::store(args, item.clone(), &mut sink) else {
        return sink.after(parse::without_marks(item));
    };
    let definition = expand::definition(&syntax);
    let store = validate::store(&syntax, &mut sink);
    match store {
        Some(store) if sink.is_empty() => {
            let decorator = expand::decorator(&store);
            quote::quote!(#definition #decorator)
        }
        _ => sink.after(definition),
    }
}

fn cache_key_tokens(item: Tokens) -> Tokens {
    derive_tokens(item, "cache_key", &["display"], expand::cache_key)
}

fn cache_value_tokens(item: Tokens) -> Tokens {
    derive_tokens(item, "cache_value", &["by_name"], expand::cache_value)
}

fn derive_tokens(item: Tokens, attribute: &str, flags: &[&str], expand: fn(&model::Shape) -> Tokens) -> Tokens {
    let mut sink = Sink::default();
    let shape = parse::shape(item, &mut sink).and_then(|input| validate::shape(&input, attribute, flags, &mut sink));
    match shape {
        Some(shape) if sink.is_empty() => expand(&shape),
        _ => sink.after(Tokens::new()),
    }
}
