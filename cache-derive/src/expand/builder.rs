//! The builder, which changes options at run time.

use proc_macro2::TokenStream;
use quote::quote;

use super::names::runtime;
use super::structure::values;
use super::{docs, policy, types};
use crate::model::{Method, Read, Store};

/// The builder's type, its functions and `Debug`.
pub(super) fn builder(store: &Store) -> TokenStream {
    let Store { vis, cfgs, lints, backing, builder, decorator, krate, .. } = store;
    let (declared, type_bounds) = (store.declared(), store.type_bounds());
    let marker = store.marker_type().map(|ty| quote!(__parameters: #ty,));
    let policies = values(store, |_| quote!(#krate::__macro::ReadPolicy));
    let docs = docs::lines(&format!("Builds a [`{decorator}`] with options that are known at run time only."));
    let functions = functions(store);
    let debug = debug(store);
    let reads = store.methods.iter().filter_map(|method| Some((method, method.read()?)));
    let checks = reads.map(|(method, read)| policy::checks(store, method, read, false));
    quote! {
        #(#checks)*
        #docs
        #(#cfgs)* #(#lints)*
        #[must_use = "it does nothing before `build`"]
        #vis struct #builder #declared #type_bounds {
            __backing: ::std::sync::Arc<#backing>,
            __cache: #krate::Cache,
            #marker
            #(#policies,)*
        }
        #functions
        #debug
    }
}

/// A builder with the options of the annotations.
pub(super) fn begun(store: &Store) -> TokenStream {
    let builder = &store.builder;
    let marker = store.marker_type().map(|_| quote!(__parameters: ::core::marker::PhantomData,));
    let reads = || store.methods.iter().filter_map(|method| Some((method, method.read()?)));
    let checks = reads().map(|(method, read)| policy::checks(store, method, read, true));
    let policies = reads().map(|(method, read)| {
        let (name, cfgs, policy) = (&method.ident, &method.cfgs, policy::policy(store, read));
        quote!(#(#cfgs)* #name: #policy)
    });
    quote! {
        #(#checks)*
        #builder {
            __backing: backing,
            __cache: ::core::clone::Clone::clone(cache),
            #marker
            #(#policies,)*
        }
    }
}

fn functions(store: &Store) -> TokenStream {
    let Store { vis, cfgs, lints, builder, decorator, .. } = store;
    let (params, args, bounds) = (store.impl_params(), store.args(), store.impl_bounds());
    let setters = store.methods.iter().filter(|method| method.read().is_some()).map(|method| setter(store, method));
    let marker = store.marker_type().map(|_| quote!(__parameters: ::core::marker::PhantomData,));
    let regions = store.methods.iter().filter_map(|method| Some(region(store, method, method.read()?)));
    let build = docs::lines("Puts the cache in front of the store.");
    quote! {
        #(#cfgs)* #(#lints)*
        #[allow(dead_code, reason = "a program does not change every option")]
        #[allow(trivial_bounds, reason = "a key or a value that cannot be cached is reported at its type")]
        impl #params #builder #args #bounds {
            #(#setters)*

            #build
            #[must_use]
            #vis fn build(self) -> #decorator #args {
                #decorator {
                    #(#regions,)*
                    #marker
                    __backing: self.__backing,
                    __cache: self.__cache,
                }
            }
        }
    }
}

fn setter(store: &Store, method: &Method) -> TokenStream {
    let (vis, krate, name, cfgs) = (&store.vis, &store.krate, &method.ident, &method.cfgs);
    let docs = docs::lines(&format!("Changes the options of `{name}`."));
    quote! {
        #docs
        #(#cfgs)*
        #vis fn #name(
            mut self,
            change: impl ::core::ops::FnOnce(#krate::__macro::ReadPolicy) -> #krate::__macro::ReadPolicy,
        ) -> Self {
            self.#name = change(self.#name);
            self
        }
    }
}

fn region(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (name, cfgs, namespace, entity) = (&method.ident, &method.cfgs, &store.namespace, &read.entity);
    let (key, value) = (types::key(method, read), types::value(store, method, read));
    let (region, spec) = (runtime(store, "Region"), runtime(store, "RegionSpec"));
    let (fingerprint, presence) = (runtime(store, "fingerprint"), runtime(store, "presence"));
    let (version, prefixes) = (read.options.version, &read.prefixes);
    let store_name = plain(&store.ident);
    let method_name = plain(name);
    quote! {
        #(#cfgs)* #name: #region::<#key, #value>::new(
            &self.__cache,
            #spec {
                namespace: #namespace,
                store: #store_name,
                method: #method_name,
                entity: #entity,
                version: #version,
                fingerprint: #fingerprint!(#value),
                prefixes: &[#(#prefixes),*],
            },
            self.#name,
            #presence!(#value),
        )
    }
}

fn plain(ident: &proc_macro2::Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}

fn debug(store: &Store) -> TokenStream {
    let Store { cfgs, builder, .. } = store;
    let (params, args, bounds) = (store.impl_params(), store.args(), store.type_bounds());
    let name = builder.to_string();
    quote! {
        #(#cfgs)*
        impl #params ::core::fmt::Debug for #builder #args #bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }
    }
}
