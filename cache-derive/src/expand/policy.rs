//! The options of a read method as code.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::model::{Codec, LocalEngine, LocalTier, Method, Options, Read, Span, Store};

/// The policy that the annotation asks for.
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
    let codec = codec.iter().map(|codec| codec_name(*codec));
    quote! {
        #krate::__macro::ReadPolicy::new(#ttl)
            #(.negative_ttl(#negative_ttl))*
            #(.jitter_percent(#jitter))*
            #(#local)*
            #(.local_capacity(#local_capacity))*
            #(.local_engine(#krate::__macro::LocalEngine::#local_engine))*
            #(.codec(#krate::__macro::Codec::#codec))*
    }
}

fn engine_name(engine: LocalEngine) -> Ident {
    match engine {
        LocalEngine::Quick => format_ident!("Quick"),
        LocalEngine::Moka => format_ident!("Moka"),
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

/// Checks of constants that cannot be read here: a build with a zero in one of them stops.
pub(super) fn checks(method: &Method, read: &Read) -> TokenStream {
    let Options { ttl, negative_ttl, local, .. } = &read.options;
    let local = local.as_ref().and_then(|local| match local {
        LocalTier::AtMost(span) => Some(span),
        LocalTier::Off => None,
    });
    let spans = [Some(ttl), negative_ttl.as_ref(), local].into_iter().flatten();
    let checks = spans.filter_map(|span| match span {
        Span::Const(path, option) => {
            let text = format!("`{option}` of `{}` is zero: an entry that expires at once is never read", method.ident);
            Some(quote_spanned! {path.span()=>
                const { ::core::assert!(!::core::time::Duration::is_zero(&#path), #text) }
            })
        }
        Span::Literal(_) => None,
    });
    let checks: Vec<TokenStream> = checks.collect();
    let cfgs = &method.cfgs;
    if checks.is_empty() { TokenStream::new() } else { quote!(#(#cfgs)* { #(#checks;)* }) }
}
