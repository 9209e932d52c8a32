//! The functions of the decorator besides the methods of its trait.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::names::{derived, local, runtime};
use super::{docs, read, types, warm};
use crate::model::{Method, Param, Read, Store};

/// `new`, `builder` and `invalidate_all`.
pub(super) fn constructors(store: &Store) -> TokenStream {
    let Store { vis, builder, krate, .. } = store;
    let (args, backing) = (store.args(), store.backing_type());
    let initial_builder = super::builder::initial_builder(store);
    let all = store.methods.iter().filter(|method| method.read().is_some()).map(|method| {
        let (name, cfgs) = (&method.ident, &method.cfgs);
        quote!(#(#cfgs)* self.#name.scope_prefix(&()))
    });
    let (scopes, boxed) = (runtime(store, "scopes"), runtime(store, "BoxFuture"));
    let new = docs::lines(
        "Puts the cache in front of a store, with the options of the annotations.\n\n# Panics\n\nIf another trait or method \
         already uses these keys in this cache. `try_build` of the `builder` returns an error instead.",
    );
    let with_options = docs::lines("The same, with options that are known at run time only.");
    let everything = docs::lines("Makes every entry of this store stale, on every instance.");
    quote! {
        #new
        #[must_use]
        #[track_caller]
        #vis fn new(backing: ::std::sync::Arc<#backing>, cache: &#krate::Cache) -> Self {
            Self::builder(backing, cache).build()
        }

        #with_options
        #vis fn builder(backing: ::std::sync::Arc<#backing>, cache: &#krate::Cache) -> #builder #args {
            #initial_builder
        }

        #everything
        #vis fn invalidate_all(&self) -> #boxed<'_, ()> {
            ::std::boxed::Box::pin(self.__cache.invalidate(#scopes([#(#all),*])))
        }
    }
}

/// `backing`, which demands nothing of the store: implementations of supertraits forward to it.
pub(super) fn backing(store: &Store) -> TokenStream {
    let Store { vis, cfgs, decorator, .. } = store;
    let (params, args, bounds, backing) =
        (store.impl_params(), store.args(), store.type_bounds(), store.backing_type());
    let docs = docs::lines("The store behind the cache.");
    quote! {
        #(#cfgs)*
        impl #params #decorator #args #bounds {
            #docs
            #[must_use]
            #[allow(dead_code, reason = "a program does not call every function of its decorator")]
            #vis fn backing(&self) -> &::std::sync::Arc<#backing> {
                &self.__backing
            }
        }
    }
}

/// `peek_x`, `invalidate_x` and `warm_x` of a cached method. For a method `all`, `invalidate_all` is that of all entries.
pub(super) fn entry(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let peek = peek(store, method, read);
    let invalidate = (method.ident != "all").then(|| invalidate(store, method, read));
    let warm = warm::warm(store, method, read);
    quote!(#peek #invalidate #warm)
}

fn peek(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (vis, cfgs, lints, region) = (&store.vis, &method.cfgs, &method.lints, &method.ident);
    let name = derived("peek_", &method.ident);
    let (params, lookup, value) =
        (method.elided_declarations(), method.lookup(store, read), types::value(store, method, read));
    let visible = read.options.visible_if.as_ref().map(|path| {
        let visible = read::visible(method, read, path);
        quote!(.filter(#visible))
    });
    let unused = unused(method, read);
    let by_value = by_value(method.params.iter());
    let docs = docs::lines(&format!(
        "What the local tier holds for `{region}` with these arguments, without asking anything else.\n\nIt is not counted as a read."
    ));
    quote! {
        #docs
        #(#cfgs)* #(#lints)* #by_value
        #[must_use]
        #vis fn #name(&self #params) -> ::core::option::Option<#value> {
            #(let _ = &#unused;)*
            self.#region.peek(#lookup) #visible
        }
    }
}

/// The parameters outside the key, unless `visible_if` receives them.
pub(super) fn unused<'a>(method: &'a Method, read: &'a Read) -> impl Iterator<Item = &'a proc_macro2::Ident> {
    let is_filtered = read.options.visible_if.is_some();
    let places = (0..method.params.len()).filter(move |place| !is_filtered && !read.key.contains(place));
    places.map(|place| &method.params[place].ident)
}

fn invalidate(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (vis, cfgs, lints, region, scope) = (&store.vis, &method.cfgs, &method.lints, &method.ident, local("scope"));
    let name = derived("invalidate_", &method.ident);
    let (function, boxed) = (derived("__scope_", &method.ident), runtime(store, "BoxFuture"));
    let (params, views) = (method.key_declarations(read), method.key_views(read));
    let by_value = by_value(read.key.iter().map(|place| &method.params[*place]));
    let docs = docs::lines(&format!("Makes the entry of `{region}` with this key stale, on every instance."));
    quote! {
        #docs
        #(#cfgs)* #(#lints)* #by_value
        #vis fn #name(&self #params) -> #boxed<'_, ()> {
            let #scope = self.#function(#(#views),*);
            ::std::boxed::Box::pin(self.#region.invalidate(#scope))
        }
    }
}

pub(super) fn by_value<'a>(mut params: impl Iterator<Item = &'a Param>) -> Option<TokenStream> {
    params.any(Param::is_owned).then(|| {
        quote!(#[allow(clippy::needless_pass_by_value, reason = "it takes what the method of the store takes")])
            .to_token_stream()
    })
}
