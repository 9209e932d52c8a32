//! `warm_x` of a cached method, which reads many keys before any caller asks for them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt;

use super::docs;
use super::names::{derived, local, runtime};
use crate::model::{Method, Read, Store};

/// The function, if the method has one.
pub(super) fn warm(store: &Store, method: &Method, read: &Read) -> Option<TokenStream> {
    is_warmed(method, read).then(|| function(store, method, read))
}

/// Whether the keys determine the arguments, and owned ones will do.
///
/// The function of a method `from` would have the name of that of snapshots.
pub(super) fn is_warmed(method: &Method, read: &Read) -> bool {
    let is_determined = !method.params.is_empty() && method.params.len() == read.key.len();
    is_determined && !read.options.inline && method.ident != "from"
}

fn function(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (vis, cfgs, lints, region) = (&store.vis, &method.cfgs, &method.lints, &method.ident);
    let (name, warming, boxed) = (derived("warm_", region), runtime(store, "Warming"), runtime(store, "BoxFuture"));
    let (names, types): (Vec<_>, Vec<_>) = method.params.iter().map(|param| (&param.ident, param.owned_type())).unzip();
    let (ty, pattern) = match (&*types, &*names) {
        ([ty], [name]) => (ty.clone(), name.to_token_stream()),
        _ => (quote!((#(#types),*)), quote!((#(#names),*))),
    };
    let (body, warmth) = (one(store, method, read), runtime(store, "Warmth"));
    let docs = docs::lines(&format!(
        "Reads those of these keys that no tier has, at most `concurrency` at once (zero counts as one).\n\nAwait it for the \
         summary, or call `next` for the progress after each key. Each key is a read like `{}`: fenced against writes, and \
         shared with callers that ask for it meanwhile. A key that the shared tier has is only copied. Nothing is read if the \
         method is not cached.\n\nIf it is dropped, no further key begins; loads in progress continue.",
        region.unraw()
    ));
    quote! {
        #docs
        #(#cfgs)* #(#lints)*
        #vis fn #name<'__warm>(
            &'__warm self,
            keys: impl ::core::iter::IntoIterator<Item = #ty, IntoIter: ::core::marker::Send + '__warm>,
            concurrency: usize,
        ) -> #warming<'__warm> {
            #warming::new(
                self.#region.can_be_warmed(),
                keys,
                concurrency,
                move |#pattern| -> #boxed<'__warm, #warmth> { ::std::boxed::Box::pin(async move { #body }) },
            )
        }
    }
}

/// The steps for one key, whose parts are owned values with the names of the parameters.
fn one(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (region, key, returned) = (&method.ident, local("key"), local("returned"));
    let (lookup, warmth) = (method.lookup(store, read), runtime(store, "Warmth"));
    let views = method.params.iter().filter(|param| !param.is_owned()).map(|param| {
        let (name, view) = (&param.ident, param.for_store());
        quote!(let #name = #view;)
    });
    let arguments = method.params.iter().map(|param| &param.ident);
    let (outcome, written) = (runtime(store, "write_outcome"), runtime(store, "WriteOutcome"));
    // The error of an absence is the answer of the store, and cached.
    let is_absence = read.options.absent.is_some().then(|| quote!(|| self.#region.peek(&&#key).is_some()));
    quote! {
        #(#views)*
        let #key = self.#region.key(#lookup);
        if self.#region.cached_only(::core::clone::Clone::clone(&#key), |_, _| true).await.is_some() {
            return #warmth::Cached;
        }
        let #returned = self.#region(#(#arguments),*).await;
        #warmth::of_read(#outcome!(&#returned) == #written::Written #is_absence)
    }
}
