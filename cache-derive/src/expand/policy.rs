//! The options of a read method as code.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::names::{at, runtime};
use super::types;
use crate::model::{Method, Read, Setting, SettingValue, Span, Store};
use crate::options::cached;

/// The policy of the annotation.
pub(super) fn policy(store: &Store, read: &Read) -> TokenStream {
    let krate = &store.krate;
    let ttl = duration(&read.options.ttl);
    let settings = read.options.settings.iter().map(|setting| call(store, setting));
    quote!(#krate::__macro::v1::ReadPolicy::new(#ttl) #(#settings)*)
}

fn call(store: &Store, setting: &Setting) -> TokenStream {
    let method = format_ident!("{}", setting.method);
    let argument = setting.argument.iter().map(|argument| match argument {
        SettingValue::Duration(span) => duration(span),
        SettingValue::Number(number) => quote!(#number),
        SettingValue::Variant { ty, variant, .. } => {
            let (ty, variant) = (runtime(store, ty), format_ident!("{variant}"));
            quote!(#ty::#variant)
        }
    });
    quote!(.#method(#(#argument)*))
}

/// The mode of a read method, if its annotation or that of its trait has one.
pub(super) fn mode(store: &Store, read: &Read) -> Option<TokenStream> {
    let setting = read.options.setting(cached::MODE.row.name)?;
    match &setting.argument {
        Some(SettingValue::Variant { ty, variant, .. }) => {
            let (ty, variant) = (runtime(store, ty), format_ident!("{variant}"));
            Some(quote!(#ty::#variant))
        }
        _ => None,
    }
}

fn duration(span: &Span) -> TokenStream {
    match span {
        Span::Literal(duration) => {
            let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
            quote!(::core::time::Duration::new(#seconds, #nanos))
        }
        Span::Const(path, _) => quote!(#path),
    }
}

/// Compile-time checks of constants that the macro cannot read.
///
/// A zero in one of them fails the build. Constants that depend on the store are checked once the store is known.
pub(super) fn checks(store: &Store, method: &Method, read: &Read, of_store: bool) -> TokenStream {
    let durations = read.options.settings.iter().filter_map(|setting| match &setting.argument {
        Some(SettingValue::Duration(span)) => Some(span),
        _ => None,
    });
    let spans = [&read.options.ttl].into_iter().chain(durations);
    let cfgs = &method.cfgs;
    let checks = spans.filter_map(|span| match span {
        Span::Const(path, option) if types::depends_on_store(store, path) == of_store => {
            let text = format!("`{option}` of `{}` is zero: an entry that expires at once is never read", method.ident);
            Some(quote_spanned!(path.span()=> ::core::assert!(!::core::time::Duration::is_zero(&#path), #text)))
        }
        _ => None,
    });
    let value = types::value(store, method, read);
    let place = read.options.positional.filter(|_| types::depends_on_store(store, &value) == of_store);
    let returned = place.map(|place| returned(store, &value, place));
    let checks = checks.chain(returned).map(|check| {
        if of_store { quote!(#(#cfgs)* { const { #check } }) } else { quote!(#(#cfgs)* const _: () = #check;) }
    });
    checks.collect()
}

/// The check that a codec without field names decodes values of this type unchanged.
fn returned(store: &Store, value: &TokenStream, place: proc_macro2::Span) -> TokenStream {
    let only = runtime(store, "self_describing_only");
    let check = quote! {
        if let ::core::option::Option::Some(why) = #only!(#value) {
            ::core::panic!("{}", why)
        }
    };
    at(place, check)
}
