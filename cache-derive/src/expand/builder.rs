//! The builder, which changes options at run time.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::names::{local, runtime};
use super::structure::values;
use super::{docs, other_traits, policy, read, tags, types};
use crate::model::{Method, Read, Store};

/// The builder's type, its functions and `Debug`.
pub(super) fn builder(store: &Store) -> TokenStream {
    let Store { vis, cfgs, lints, builder, decorator, krate, .. } = store;
    let (declared, type_bounds, backing) = (store.declared(), store.type_bounds(), store.backing_type());
    let marker = store.marker_type().map(|ty| quote!(__parameters: #ty,));
    let policies = values(store, |_| quote!(#krate::__macro::v1::ReadPolicy));
    let docs = docs::lines(&format!("Builds a [`{decorator}`] with options that are known at run time only."));
    let functions = functions(store);
    let debug = debug(store);
    let namespace = runtime(store, "Namespace");
    let reads = store.methods.iter().filter_map(|method| Some((method, method.read()?)));
    let checks = reads.map(|(method, read)| policy::checks(store, method, read, false)).chain([tags::checks(store)]);
    quote! {
        #(#checks)*
        #docs
        #(#cfgs)* #(#lints)*
        #[must_use = "it does nothing before `build`"]
        #vis struct #builder #declared #type_bounds {
            __backing: ::std::sync::Arc<#backing>,
            __cache: #krate::Cache,
            __namespace: #namespace,
            #marker
            #(#policies,)*
        }
        #functions
        #debug
    }
}

/// A builder with the options of the annotations.
pub(super) fn initial_builder(store: &Store) -> TokenStream {
    let (builder, namespace, text) = (&store.builder, runtime(store, "Namespace"), &store.namespace);
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
            __namespace: #namespace::new(#text),
            #marker
            #(#policies,)*
        }
    }
}

fn functions(store: &Store) -> TokenStream {
    let Store { cfgs, lints, builder, .. } = store;
    let (params, args, bounds) = (store.impl_params(), store.args(), store.impl_bounds());
    let setters = store.methods.iter().filter(|method| method.read().is_some()).map(|method| setter(store, method));
    let (naming, building) = (naming(store), building(store));
    quote! {
        #(#cfgs)* #(#lints)*
        #[allow(dead_code, reason = "a program does not change every option")]
        #[allow(trivial_bounds, reason = "a key or a value that cannot be cached is reported at its type")]
        impl #params #builder #args #bounds {
            #(#setters)*
            #naming
            #building
        }
    }
}

/// `partition` and `source`.
fn naming(store: &Store) -> TokenStream {
    let vis = &store.vis;
    let partition = docs::lines(
        "Separates the entries from those of every other partition.\n\nUse it for a second store of this trait, such as another \
         region or account. Any text is allowed; it becomes a part of each key. All instances that share a store must use the \
         same partition.",
    );
    let source = docs::lines(
        "Sets the identity of the database behind the store, a `u128` or a `Uuid`.\n\nAn entry that was loaded from another \
         database is a miss. 0, the default, means unknown.",
    );
    quote! {
        #partition
        #vis fn partition(mut self, partition: impl ::core::convert::Into<::std::string::String>) -> Self {
            self.__namespace = self.__namespace.partition(partition);
            self
        }

        #source
        #vis fn source(mut self, id: impl ::core::convert::Into<u128>) -> Self {
            self.__namespace = self.__namespace.source(id);
            self
        }
    }
}

/// `build` and `try_build`.
fn building(store: &Store) -> TokenStream {
    let Store { vis, decorator, krate, .. } = store;
    let (args, place) = (store.args(), local("place"));
    let finished = runtime(store, "built");
    let marker = store.marker_type().map(|_| quote!(__parameters: ::core::marker::PhantomData,));
    let reads = || store.methods.iter().filter_map(|method| Some((method, method.read()?)));
    let regions = reads().map(|(method, read)| region(store, method, read));
    let namespace = local("namespace");
    let kept = other_traits::namespace_field(store, &quote!(#namespace));
    let copied = kept.as_ref().map(|_| quote!(let #namespace = ::core::clone::Clone::clone(&self.__namespace);));
    let claimed = claimed(store);
    let (families, families_field) = (tags::created(store), tags::moved_field(store));
    let build = docs::lines(
        "Puts the cache in front of the store.\n\n# Panics\n\nIf another trait or method already uses these keys in this \
         cache. `try_build` returns an error instead.",
    );
    let try_build = docs::lines(
        "Puts the cache in front of the store.\n\n# Errors\n\nIf another trait or method already uses these keys in this \
         cache: the same namespace, entity and partition.",
    );
    quote! {
        #build
        #[must_use]
        #[track_caller]
        #vis fn build(self) -> #decorator #args {
            #finished(self.try_build())
        }

        #try_build
        #vis fn try_build(self) -> ::core::result::Result<#decorator #args, #krate::Error> {
            #copied
            let #place = #claimed;
            #families
            ::core::result::Result::Ok(#decorator {
                #(#regions,)*
                #families_field
                #marker
                #kept
                __backing: self.__backing,
                __cache: self.__cache,
                __claim: #place.claim(),
            })
        }
    }
}

/// Claims the keys of the read methods, or returns an error.
fn claimed(store: &Store) -> TokenStream {
    let (place, spec) = (runtime(store, "Place"), runtime(store, "StoreSpec"));
    let name = plain(&store.ident);
    let parameters = parameters(store);
    let reads = store.methods.iter().filter_map(|method| Some((method, method.read()?)));
    let reads = reads.map(|(method, read)| {
        let (cfgs, entity, name) = (&method.cfgs, &read.entity, plain(&method.ident));
        quote!(#(#cfgs)* (#entity, #name))
    });
    quote! {
        #place::of_store(
            &self.__cache,
            &#spec {
                store: #name,
                module: ::core::module_path!(),
                parameters: #parameters,
                backing: ::std::sync::Arc::as_ptr(&self.__backing).cast(),
                reads: &[#(#reads),*],
            },
            self.__namespace,
        )?
    }
}

/// The trait's arguments as text; they separate the entries of `Table<A>` and `Table<B>`.
fn parameters(store: &Store) -> TokenStream {
    let arguments = store.generics.params.iter().filter_map(|param| match param {
        syn::GenericParam::Type(param) => {
            let name = &param.ident;
            Some(quote!(::core::any::type_name::<#name>()))
        }
        syn::GenericParam::Const(param) => Some(param.ident.to_token_stream()),
        syn::GenericParam::Lifetime(_) => None,
    });
    let arguments: Vec<_> = arguments.collect();
    if arguments.is_empty() {
        return quote!(::std::string::String::new());
    }
    let form = vec!["{}"; arguments.len()].join(", ");
    quote!(::std::format!(#form #(, #arguments)*))
}

fn setter(store: &Store, method: &Method) -> TokenStream {
    let (vis, krate, name, cfgs) = (&store.vis, &store.krate, &method.ident, &method.cfgs);
    let docs = docs::lines(&format!("Changes the options of `{name}`."));
    quote! {
        #docs
        #(#cfgs)*
        #vis fn #name(
            mut self,
            change: impl ::core::ops::FnOnce(#krate::__macro::v1::ReadPolicy) -> #krate::__macro::v1::ReadPolicy,
        ) -> Self {
            self.#name = change(self.#name);
            self
        }
    }
}

fn region(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (name, cfgs, place, entity) = (&method.ident, &method.cfgs, local("place"), &read.entity);
    let (key, value) = (types::key(store, method, read), types::value(store, method, read));
    let (region, spec) = (runtime(store, "Region"), runtime(store, "RegionSpec"));
    let (fingerprint, presence) = (runtime(store, "fingerprint"), runtime(store, "presence"));
    let (version, prefixes) = (read.options.version, &read.prefixes);
    let store_name = plain(&store.ident);
    let method_name = plain(name);
    let weigh = read::weigh(read);
    let tags = tags::of_method(store, method, read);
    let life = read::life(read);
    let (constructor, tags) = match tags {
        Some(tags) => (quote!(tagged), Some(quote!(, #tags))),
        None => (quote!(new), None),
    };
    quote! {
        #(#cfgs)* #name: #region::<#key, #value>::#constructor(
            &self.__cache,
            &#place,
            #spec::new(#store_name, #method_name, #entity)
                .version(#version)
                .fingerprint(#fingerprint!(#value))
                .prefixes(&[#(#prefixes),*]),
            self.#name,
            #presence!(#value) #life #weigh
            #tags
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
