//! The options of a read method as code.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::GenericParam;
use syn::spanned::Spanned;

use super::names::{at, runtime};
use super::types;
use crate::model::{Codec, LocalEngine, LocalTier, Method, Mode, Options, Read, Span, Store};

/// The policy of the annotation.
pub(super) fn policy(store: &Store, read: &Read) -> TokenStream {
    let krate = &store.krate;
    let Options { ttl, negative_ttl, jitter, local, local_capacity, local_engine, codec, .. } = &read.options;
    let ttl = duration(ttl);
    let negative_ttl = negative_ttl.iter().map(duration);
    let jitter = jitter.iter();
    let local = local.iter().map(|local| match local {
        LocalTier::Off => quote!(.local_off()),
        LocalTier::AtMost(span) => {
            let span = duration(span);
            quote!(.local_ttl(#span))
        }
    });
    let local_capacity = local_capacity.iter();
    let local_engine = local_engine.iter().map(|engine| engine_name(*engine));
    let mode = read.options.mode.or(store.mode).map(mode_name);
    let mode = mode.iter();
    let codec = codec.iter().map(|(codec, _)| codec_name(*codec));
    quote! {
        #krate::__macro::ReadPolicy::new(#ttl)
            #(.negative_ttl(#negative_ttl))*
            #(.jitter_percent(#jitter))*
            #(#local)*
            #(.local_capacity(#local_capacity))*
            #(.local_engine(#krate::__macro::LocalEngine::#local_engine))*
            #(.mode(#krate::__macro::Mode::#mode))*
            #(.codec(#krate::__macro::Codec::#codec))*
    }
}

fn engine_name(engine: LocalEngine) -> Ident {
    match engine {
        LocalEngine::Quick => format_ident!("Quick"),
        LocalEngine::Moka => format_ident!("Moka"),
    }
}

fn mode_name(mode: Mode) -> Ident {
    match mode {
        Mode::Fast => format_ident!("Fast"),
        Mode::Safe => format_ident!("Safe"),
        Mode::Strict => format_ident!("Strict"),
    }
}

fn codec_name(codec: Codec) -> Ident {
    match codec {
        Codec::Json => format_ident!("Json"),
        Codec::MessagePack => format_ident!("MessagePack"),
        Codec::Postcard => format_ident!("Postcard"),
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
    let Options { ttl, negative_ttl, local, codec, .. } = &read.options;
    let local = local.as_ref().and_then(|local| match local {
        LocalTier::AtMost(span) => Some(span),
        LocalTier::Off => None,
    });
    let spans = [Some(ttl), negative_ttl.as_ref(), local].into_iter().flatten();
    let cfgs = &method.cfgs;
    let checks = spans.filter_map(|span| match span {
        Span::Const(path, option) if depends_on_store(store, path) == of_store => {
            let text = format!("`{option}` of `{}` is zero: an entry that expires at once is never read", method.ident);
            Some(quote_spanned!(path.span()=> ::core::assert!(!::core::time::Duration::is_zero(&#path), #text)))
        }
        _ => None,
    });
    let value = types::value(store, method, read);
    let returned = codec.as_ref().and_then(|(codec, place)| match codec {
        Codec::Postcard if depends_on_store(store, &value) == of_store => Some(returned(store, &value, *place)),
        _ => None,
    });
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

fn depends_on_store(store: &Store, tokens: &impl ToTokens) -> bool {
    let tokens = tokens.to_token_stream();
    let params = store.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    params.chain([&store.backing]).any(|name| super::derive_value::mentions(&tokens, &name.to_string()))
}
