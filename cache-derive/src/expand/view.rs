//! The views of a decorator, which read in another way: fresh, uncached, or from the tiers alone.
//!
//! There is one type for all of them. Its access is a value for the views whose methods return what the store returns,
//! and a type for the one whose methods return an `Option`. Everything besides reads is that of the decorator.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::visit_mut::VisitMut;
use syn::{CapturedParam, PreciseCapture, ReturnType};

use super::derive_value::mentions;
use super::generics::turbofish;
use super::names::{derived, local, runtime, self_of};
use super::{admin, batch, docs, forward, implementation, read, types, wrapped};
use crate::model::{Associated, Behaviour, Form, Method, Reach, Read, Store};

/// The type, its functions, and its implementation of the trait.
pub(super) fn view(store: &Store) -> TokenStream {
    let (structure, own, optional) = (structure(store), own(store), optional(store));
    let implementation = is_a_store(store).then(|| implementation(store));
    quote!(#structure #own #optional #implementation)
}

/// Whether the view can implement the trait.
///
/// A supertrait that the user implements may have associated types, which only that implementation determines.
fn is_a_store(store: &Store) -> bool {
    let others = &store.supertraits.others;
    let is_open = |path: &syn::Path| mentions(&path.to_token_stream(), "Self");
    others.is_empty() || !others.iter().any(is_open) && !store.methods.iter().any(|method| names_item(store, method))
}

/// Whether a signature mentions an associated type that the trait itself does not have.
fn names_item(store: &Store, method: &Method) -> bool {
    let is_own = |name: &Ident| {
        let mut own = store.associated.iter().map(|item| match item {
            Associated::Type(item) => &item.ident,
            Associated::Const(item) => &item.ident,
        });
        own.any(|own| own == name)
    };
    let types = method.params.iter().map(|param| &param.ty).chain([&method.output]);
    let mut search = Items { backing: &store.backing, found: Vec::new() };
    types.for_each(|ty| search.visit_type(ty));
    search.found.into_iter().any(|name| !is_own(name))
}

/// Finds `S::Item` and `<S as Trait>::Item`.
struct Items<'a> {
    backing: &'a Ident,
    found: Vec<&'a Ident>,
}

impl<'a> Visit<'a> for Items<'a> {
    fn visit_type_path(&mut self, path: &'a syn::TypePath) {
        let segments = &path.path.segments;
        let is_of_the_store = match &path.qself {
            Some(of) => matches!(&*of.ty, syn::Type::Path(of) if of.path.is_ident(self.backing)),
            None => segments.len() > 1 && segments[0].ident == *self.backing,
        };
        if let Some(last) = segments.last().filter(|_| is_of_the_store) {
            self.found.push(&last.ident);
        }
        visit::visit_type_path(self, path);
    }
}

fn structure(store: &Store) -> TokenStream {
    let Store { vis, cfgs, lints, decorator, view, access, krate, .. } = store;
    let (declared, params, args, bounds) = (
        store.declared_and(&quote!(#access = #krate::Access)),
        store.impl_params_and(access),
        store.args(),
        store.type_bounds(),
    );
    let own_args = store.args_and(&access.to_token_stream());
    let clone = quote!(::core::clone::Clone);
    let name = view.to_string();
    let docs = docs::lines(&format!(
        "A view of a [`{decorator}`], whose reads use the cache in another way.\n\nIts writes are those of the decorator, to which \
         it dereferences. It is a store itself."
    ));
    quote! {
        #docs
        #(#cfgs)* #(#lints)*
        #vis struct #view #declared #bounds {
            __store: #decorator #args,
            __access: #access,
        }

        #(#cfgs)*
        impl #params #clone for #view #own_args #bounds #access: #clone {
            fn clone(&self) -> Self {
                Self { __store: #clone::clone(&self.__store), __access: #clone::clone(&self.__access) }
            }
        }

        #(#cfgs)*
        impl #params ::core::fmt::Debug for #view #own_args #bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }

        #(#cfgs)*
        impl #params ::core::ops::Deref for #view #own_args #bounds {
            type Target = #decorator #args;

            fn deref(&self) -> &Self::Target {
                &self.__store
            }
        }
    }
}

/// `fresh`, `uncached` and `cached_only` of the decorator.
pub(super) fn constructors(store: &Store) -> TokenStream {
    let Store { vis, view, krate, .. } = store;
    let (args, access, cached_only) = (store.args(), quote!(#krate::Access), quote!(#krate::CachedOnly));
    let optional_args = store.args_and(&cached_only);
    let fresh = docs::lines(
        "A view whose reads call the store, and replace the values in the cache.\n\nFresh reads of one key share a load that \
         begins after all of them.",
    );
    let uncached = docs::lines("A view whose reads call the store, and leave the cache as it is.");
    let only = docs::lines(
        "A view whose reads never call the store.\n\nThey return `None` for a miss. Used as a store, it returns an error that is \
         made from `cache_core::Error`.",
    );
    quote! {
        #fresh
        #[must_use]
        #vis fn fresh(&self) -> #view #args {
            #view { __store: ::core::clone::Clone::clone(self), __access: #access::Fresh }
        }

        #uncached
        #[must_use]
        #vis fn uncached(&self) -> #view #args {
            #view { __store: ::core::clone::Clone::clone(self), __access: #access::Uncached }
        }

        #only
        #[must_use]
        #vis fn cached_only(&self) -> #view #optional_args {
            #view { __store: ::core::clone::Clone::clone(self), __access: #cached_only }
        }
    }
}

/// The read methods of a view that returns what the store returns.
fn own(store: &Store) -> TokenStream {
    let Store { vis, view, .. } = store;
    let methods = reads(store).map(|method| {
        let Method { ident, cfgs, lints, notes, generics, shared: receiver, output, .. } = method;
        let (clause, params, this) = (&generics.where_clause, method.declarations(), self_of(method));
        let docs = docs::of_view(method, &format!("`{}`, read as this view reads.", ident.unraw()));
        let call = access_call(method, &quote!(#this), &quote!(#this.__access), &method.arguments());
        quote! {
            #docs
            #(#cfgs)* #(#notes)* #(#lints)*
            #vis async fn #ident #generics (#receiver #params) -> #output #clause {
                #call.await
            }
        }
    });
    let args = store.args();
    inherent(store, &quote!(#view #args), &quote!(#(#methods)*))
}

/// The read methods of a view that has no store.
fn optional(store: &Store) -> TokenStream {
    let Store { view, krate, .. } = store;
    let methods = reads(store).map(|method| match &method.behaviour {
        Behaviour::Batch(many) => optional_method(store, method, batch::cached_only(store, method, many), &[]),
        Behaviour::Cached(read) => {
            let unused: Vec<_> = admin::unused(method, read).collect();
            optional_method(store, method, optional_read(store, method, read), &unused)
        }
        _ => unreachable!("it reads"),
    });
    let args = store.args_and(&quote!(#krate::CachedOnly));
    inherent(store, &quote!(#view #args), &quote!(#(#methods)*))
}

fn optional_method(
    store: &Store,
    method: &Method,
    (value, body): (TokenStream, TokenStream),
    unused: &[&Ident],
) -> TokenStream {
    let Method { ident, cfgs, lints, .. } = method;
    let (vis, params, by_value) = (&store.vis, method.elided_declarations(), admin::by_value(method.params.iter()));
    let text = format!("What the tiers have for `{}` with these arguments; `None` for a miss.", ident.unraw());
    let docs = docs::lines(&text);
    quote! {
        #docs
        #(#cfgs)* #(#lints)* #by_value
        #vis async fn #ident(&self #params) -> ::core::option::Option<#value> {
            #(let _ = &#unused;)*
            #body
        }
    }
}

/// The value of one key, and the body that looks it up in the tiers.
fn optional_read(store: &Store, method: &Method, read: &Read) -> (TokenStream, TokenStream) {
    let (key, region, lookup) = (local("key"), &method.ident, method.lookup(store, read));
    let visible = read.options.visible_if.as_ref().map(|path| read::visible_with_key(method, read, path));
    let visible = visible.unwrap_or_else(|| quote!(|_, _| true));
    let body = quote! {
        let #key = self.__store.#region.key(#lookup);
        self.__store.#region.cached_only(#key, #visible).await
    };
    (types::value(store, method, read), body)
}

fn inherent(store: &Store, ty: &TokenStream, methods: &TokenStream) -> TokenStream {
    let Store { cfgs, lints, .. } = store;
    let (params, bounds) = (store.impl_params(), store.impl_bounds());
    quote! {
        #(#cfgs)* #(#lints)*
        #[allow(dead_code, reason = "a program does not use every view")]
        #[allow(trivial_bounds, reason = "a key or a value that cannot be cached is reported at its type")]
        impl #params #ty #bounds {
            #methods
        }
    }
}

/// The functions behind the reads of a view.
pub(super) fn hidden(store: &Store) -> TokenStream {
    let methods = reads(store).map(|method| {
        let Method { cfgs, lints, generics, shared: receiver, output, .. } = method;
        let (name, clause, params) = (derived("__view_", &method.ident), &generics.where_clause, method.declarations());
        let (access, ty) = (local("access"), runtime(store, "Access"));
        let body = match &method.behaviour {
            Behaviour::Batch(many) => batch::body(store, method, many, &access.to_token_stream()),
            Behaviour::Cached(read) => read::view(store, method, read),
            _ => unreachable!("it reads"),
        };
        quote! {
            #(#cfgs)* #(#lints)*
            async fn #name #generics (#receiver, #access: #ty #params) -> #output #clause {
                #body
            }
        }
    });
    quote!(#(#methods)*)
}

/// The view as a store.
fn implementation(store: &Store) -> TokenStream {
    let Store { cfgs, lints, async_trait, view, access, .. } = store;
    let (params, bounds, as_trait) = (store.impl_params_and(access), store.impl_bounds(), store.as_trait());
    let args = store.args_and(&access.to_token_stream());
    let (associated, supertraits, reports) =
        (implementation::associated(store), &store.supertraits.others, reports(store));
    let methods = store.methods.iter().map(|method| {
        let body = body(store, method);
        implementation::signed(store, method, &capturing(method, access), body)
    });
    let supertraits = (!supertraits.is_empty()).then(|| quote!(#view #args: #(#supertraits)+*,));
    let view_access = runtime(store, "ViewAccess");
    quote! {
        #(#cfgs)* #(#lints)*
        #async_trait
        #[allow(trivial_bounds, reason = "a key or a value that cannot be cached is reported at its type")]
        impl #params #as_trait for #view #args #bounds #access: #view_access #(+ #reports)*, #supertraits {
            #associated
            #(#methods)*
        }
    }
}

/// The return type, whose future captures the access too, if it lists its captures.
fn capturing(method: &Method, access: &Ident) -> ReturnType {
    struct Capture<'a>(&'a Ident);
    impl VisitMut for Capture<'_> {
        fn visit_precise_capture_mut(&mut self, capture: &mut PreciseCapture) {
            capture.params.push(CapturedParam::Ident(self.0.clone()));
        }
    }
    let mut declared = method.declared.clone();
    Capture(access).visit_return_type_mut(&mut declared);
    declared
}

/// The bounds on the access: it has a return value for every outcome of each read, by the types of the errors.
///
/// `cfg` cannot remove a bound, so methods with a `cfg` have none.
fn reports(store: &Store) -> Vec<TokenStream> {
    let mut bounds: Vec<(String, TokenStream)> = Vec::new();
    for method in reads(store).filter(|method| method.cfgs.is_empty()) {
        let error = match &method.behaviour {
            Behaviour::Cached(read) => types::error(store, method, &read.returned),
            Behaviour::Batch(many) => types::error(store, method, &many.returned),
            _ => continue,
        };
        let reports = runtime(store, "Reports");
        let bound = quote!(#reports<#error>);
        let text = bound.to_string();
        if bounds.iter().all(|(known, _)| *known != text) {
            bounds.push((text, bound));
        }
    }
    bounds.into_iter().map(|(_, bound)| bound).collect()
}

fn body(store: &Store, method: &Method) -> TokenStream {
    let this = self_of(method);
    let is_read = matches!(method.behaviour, Behaviour::Cached(_) | Behaviour::Batch(_));
    if !is_read
        && matches!(method.behaviour, Behaviour::Uncached)
        && (method.form == Form::Sync
            || method.reach == Reach::Shared && matches!(method.form, Form::Opaque | Form::Future))
    {
        return forward::call_of(store, method, &quote!(#this.__store.__backing));
    }
    let (decorator, args) = (&store.decorator, store.args());
    let twin = |receiver: &TokenStream, arguments: &TokenStream| {
        if is_read {
            let access = runtime(store, "ViewAccess");
            return access_call(method, receiver, &quote!(#access::access(#receiver.__access)), arguments);
        }
        let (name, turbofish) = (&method.ident, turbofish(&method.generics));
        quote!(<#decorator #args>::#name #turbofish (&#receiver.__store #arguments))
    };
    match method.form {
        Form::Async => {
            let call = twin(&this.to_token_stream(), &method.arguments());
            quote!(#call.await)
        }
        Form::Native | Form::Sync | Form::Opaque | Form::Future => wrapped::body(store, method, &twin),
    }
}

/// The call of the function behind a read.
fn access_call(method: &Method, receiver: &TokenStream, access: &TokenStream, arguments: &TokenStream) -> TokenStream {
    let name = derived("__view_", &method.ident);
    quote!(#receiver.__store.#name(#access #arguments))
}

fn reads(store: &Store) -> impl Iterator<Item = &Method> {
    store.methods.iter().filter(|method| matches!(method.behaviour, Behaviour::Cached(_) | Behaviour::Batch(_)))
}
