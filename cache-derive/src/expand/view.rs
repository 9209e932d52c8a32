//! Other ways to read: `fresh`, `uncached` and `cached_only`.
//!
//! The access belongs to the regions of a decorator, so that the first two are decorators over other handles of the same
//! regions. The reads of the third return an `Option`, so it has a type of its own, with these reads and nothing else.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;

use super::names::{distinct, local, runtime};
use super::{admin, batch, docs, read, structure, types};
use crate::model::{Behaviour, Method, Read, Store};

/// A read of the tiers alone.
pub(super) struct Look {
    /// The type of what it finds.
    pub(super) value: TokenStream,
    /// Statements, and the future of what it finds.
    pub(super) body: TokenStream,
    /// Whether the body awaits that future, or the future borrows from the arguments.
    pub(super) is_async: bool,
}

/// `fresh`, `uncached` and `cached_only` of the decorator.
pub(super) fn constructors(store: &Store) -> TokenStream {
    let Store { vis, cached_only, .. } = store;
    let (args, access) = (store.args(), runtime(store, "Access"));
    let regions = structure::values(store, |method| {
        let region = &method.ident;
        quote!(self.#region.reading(access))
    });
    let fresh = docs::lines(
        "The same store, whose reads call the store behind it, and replace the values of both tiers.\n\nThe value was read \
         after the call. It is not stored if a write began after the load, and a value that must not be cached (`cache_if`, \
         `ttl_from`, `expires_at`, or an absence without `negative_ttl`) makes the entry stale instead. Local tiers of other instances keep their \
         entries until those expire.\n\nFresh reads of one key share a load that begins after all of them. They wait for a \
         look-up of the key that is in progress, and do not take its outcome.",
    );
    let uncached = docs::lines(
        "The same store, whose reads call the store behind it, and leave the cache as it is.\n\nNo two callers share a call.",
    );
    let only = docs::lines(
        "The reads of this store from the tiers alone.\n\nThey return `None` for a miss, never call the store, and do not wait \
         for a load in progress.",
    );
    quote! {
        #fresh
        #[must_use]
        #vis fn fresh(&self) -> Self {
            self.__reading(#access::Fresh)
        }

        #uncached
        #[must_use]
        #vis fn uncached(&self) -> Self {
            self.__reading(#access::Uncached)
        }

        #only
        #[must_use]
        #vis fn cached_only(&self) -> #cached_only #args {
            #cached_only(self.__reading(#access::CachedOnly))
        }

        fn __reading(&self, access: #access) -> Self {
            Self { #(#regions,)* ..::core::clone::Clone::clone(self) }
        }
    }
}

/// The type of `cached_only`, and its functions.
pub(super) fn cached_only(store: &Store) -> TokenStream {
    let methods = reads(store).map(|method| method_of(store, method));
    let into_store = into_store(store);
    let docs = format!("The reads of a [`{}`] from the tiers alone.", store.decorator);
    view_type(store, &store.cached_only, &docs, &quote!(#(#methods)* #into_store))
}

/// A type over a decorator, with these functions.
pub(super) fn view_type(store: &Store, view: &Ident, docs: &str, functions: &TokenStream) -> TokenStream {
    let Store { vis, cfgs, lints, decorator, .. } = store;
    let (declared, params, args) = (store.declared(), store.impl_params(), store.args());
    let (type_bounds, bounds) = (store.type_bounds(), store.impl_bounds());
    let (docs, name) = (docs::lines(docs), view.to_string());
    quote! {
        #docs
        #(#cfgs)* #(#lints)*
        #vis struct #view #declared (#decorator #args) #type_bounds;

        #(#cfgs)*
        impl #params ::core::clone::Clone for #view #args #type_bounds {
            fn clone(&self) -> Self {
                Self(::core::clone::Clone::clone(&self.0))
            }
        }

        #(#cfgs)*
        impl #params ::core::fmt::Debug for #view #args #type_bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }

        #(#cfgs)* #(#lints)*
        #[allow(dead_code, reason = "a program does not use every way to read")]
        #[allow(trivial_bounds, reason = "a key or a value that cannot be cached is reported at its type")]
        impl #params #view #args #bounds {
            #functions
        }
    }
}

/// The conversion into a store, whose methods report a miss as an error.
fn into_store(store: &Store) -> TokenStream {
    let Store { vis, decorator, .. } = store;
    let (args, errors, reports) = (store.args(), errors(store), runtime(store, "ReportsMiss"));
    let docs = docs::lines(
        "The same as a store, whose reads return an error for a miss, made from `cache_core::Error`.\n\nIts writes are those \
         of the decorator.",
    );
    quote! {
        #docs
        #[must_use]
        #vis fn into_store(self) -> #decorator #args
        where
            #(for<'__miss> #errors: #reports<'__miss>,)*
        {
            self.0
        }
    }
}

/// The error types of the reads, each once.
///
/// `cfg` cannot remove a bound, so methods with a `cfg` have none.
fn errors(store: &Store) -> Vec<TokenStream> {
    let reads = reads(store).filter(|method| method.cfgs.is_empty());
    distinct(reads.filter_map(|method| match &method.behaviour {
        Behaviour::Cached(read) => Some(types::error(store, method, &read.returned)),
        Behaviour::Batch(many) => Some(types::error(store, method, &many.returned)),
        _ => None,
    }))
}

/// One read. It returns a boxed future, where that is possible: it is cheaper to compile than an `async fn`.
fn method_of(store: &Store, method: &Method) -> TokenStream {
    let (look, unused) = match &method.behaviour {
        Behaviour::Batch(many) => (batch::look(store, method, many), Vec::new()),
        Behaviour::Cached(read) => (look(store, method, read), admin::unused(method, read).collect()),
        _ => unreachable!("it reads"),
    };
    let Method { ident, cfgs, lints, .. } = method;
    let (vis, params, by_value) = (&store.vis, method.elided_declarations(), admin::by_value(method.params.iter()));
    let text = format!("What the tiers have for `{}` with these arguments; `None` for a miss.", ident.unraw());
    let (docs, boxed) = (docs::lines(&text), runtime(store, "BoxFuture"));
    let Look { value, body, is_async } = look;
    let found = quote!(::core::option::Option<#value>);
    let (asyncness, output) = if is_async { (Some(quote!(async)), found) } else { (None, quote!(#boxed<'_, #found>)) };
    quote! {
        #docs
        #(#cfgs)* #(#lints)* #by_value
        #vis #asyncness fn #ident(&self #params) -> #output {
            #(let _ = &#unused;)*
            #body
        }
    }
}

/// The look-up of one key.
fn look(store: &Store, method: &Method, read: &Read) -> Look {
    let (key, region, lookup) = (local("key"), &method.ident, method.lookup(store, read));
    let visible = read.options.visible_if.as_ref().map(|path| read::visible_with_key(method, read, path));
    let awaited = visible.is_some().then(|| quote!(.await));
    let (is_async, visible) = (awaited.is_some(), visible.unwrap_or_else(|| quote!(|_, _| true)));
    let body = quote! {
        let #key = self.0.#region.key(#lookup);
        self.0.#region.cached_only(#key, #visible) #awaited
    };
    Look { value: types::value(store, method, read), body, is_async }
}

pub(super) fn reads(store: &Store) -> impl Iterator<Item = &Method> {
    store.methods.iter().filter(|method| matches!(method.behaviour, Behaviour::Cached(_) | Behaviour::Batch(_)))
}
