//! The scopes of a store for the writes of other traits, as in `#[invalidates(OtherStore::get(id))]`.
//!
//! Each trait has a hidden constant of its own name, in the namespace of values. A path to the trait is a path to that
//! constant too, also behind an import or a new name. Its methods compute scopes without a decorator.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Path};

use super::names::{derived, runtime};
use super::types::depends_on_store;
use crate::model::{KeyForm, Method, Param, Passing, Read, Setting, SettingValue, Store, Write};
use crate::options::cached;

/// The constant and its type.
///
/// A generic trait has none: the types of its keys depend on its parameters.
pub(super) fn scopes(store: &Store) -> TokenStream {
    if !store.generics.params.is_empty() {
        return TokenStream::new();
    }
    let Store { vis, cfgs, lints, ident, namespace, .. } = store;
    let ty = format_ident!("__{}Scopes", store.decorator);
    let reads = store.methods.iter().filter_map(|method| Some((method, method.read()?)));
    let functions = reads.map(|(method, read)| functions(store, method, read));
    quote! {
        #(#cfgs)* #(#lints)*
        #[doc(hidden)]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #ty;

        #(#cfgs)*
        #[doc(hidden)]
        #[allow(dead_code, non_upper_case_globals, reason = "the writes of other traits find it by the name of the trait")]
        #vis const #ident: #ty = #ty;

        #(#cfgs)* #(#lints)*
        #[allow(dead_code, reason = "only the writes of other traits call it")]
        #[allow(clippy::ptr_arg, clippy::ref_option_ref, clippy::too_many_arguments, clippy::trivially_copy_pass_by_ref, clippy::unused_self, reason = "it is called on the constant")]
        impl #ty {
            #vis const fn __namespace(&self) -> &'static str {
                #namespace
            }

            #(#functions)*
        }
    }
}

/// The description of a read method, and that of one entry.
fn functions(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (vis, cfgs) = (&store.vis, &method.cfgs);
    let (description, described) = (derived("__of_", &method.ident), description_of(store, read));
    let other = runtime(store, "OtherRead");
    let entry = entry(store, method, read, &description);
    quote! {
        #(#cfgs)*
        #vis const fn #description(&self) -> #other {
            #described
        }

        #entry
    }
}

/// The description of one entry, unless a part of its key has no type that a constant can name.
///
/// Such a part is looked up by its text, or has a type of the store.
fn entry(store: &Store, method: &Method, read: &Read, description: &Ident) -> Option<TokenStream> {
    let key = || read.key.iter().map(|place| &method.params[*place]);
    if key().any(|param| depends_on_store(store, &param.ty) || param.part != KeyForm::Itself) {
        return None;
    }
    let (vis, cfgs, name, entry) = (&store.vis, &method.cfgs, &method.ident, runtime(store, "OtherEntry"));
    let lifetime = (!read.key.is_empty()).then(|| quote!(<'__key>));
    let (params, types, parts) = (key().map(param), key().map(part_type), key().map(part));
    Some(quote! {
        #(#cfgs)*
        #vis fn #name #lifetime (&self #(, #params)*) -> #entry<(#(#types,)*)> {
            self.#description().entry((#(#parts,)*))
        }
    })
}

/// A parameter behind a reference: an expression is passed without knowledge of its type.
fn param(param: &Param) -> TokenStream {
    let (name, ty) = (&param.ident, part_type(param));
    match param.passing {
        Passing::Owned | Passing::Borrowed(_) => quote!(#name: #ty),
        Passing::OptionalBorrowed(_) => quote!(#name: &'__key #ty),
    }
}

/// The type of a part of the key, borrowed.
fn part_type(param: &Param) -> TokenStream {
    match &param.passing {
        Passing::Owned => {
            let ty = &param.ty;
            quote!(&'__key #ty)
        }
        Passing::Borrowed(target) => quote!(&'__key #target),
        Passing::OptionalBorrowed(target) => quote!(::core::option::Option<&'__key #target>),
    }
}

/// A part of the key, from its parameter.
fn part(param: &Param) -> TokenStream {
    let name = &param.ident;
    match param.passing {
        Passing::Owned | Passing::Borrowed(_) => quote!(#name),
        Passing::OptionalBorrowed(_) => quote!(*#name),
    }
}

fn description_of(store: &Store, read: &Read) -> TokenStream {
    let (other, mode) = (runtime(store, "OtherRead"), runtime(store, "Mode"));
    let (namespace, entity) = (&store.namespace, &read.entity);
    let mode = match read.options.setting(cached::MODE.row.name) {
        Some(Setting { argument: Some(SettingValue::Variant { variant, .. }), .. }) => {
            let variant = format_ident!("{variant}");
            quote!(.of_mode(#mode::#variant))
        }
        _ => TokenStream::new(),
    };
    quote!(#other::new(#namespace, #entity) #mode)
}

/// Checks at compile time that the other traits share the bus of this one.
pub(super) fn checks(store: &Store) -> TokenStream {
    let (namespace, share_a_bus) = (&store.namespace, runtime(store, "share_a_bus"));
    let checks = owners(store).into_iter().map(|owner| {
        let other = owner.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let text = format!(
            "the namespace of `{other}` does not begin like that of `{}`: its instances are not on the bus that this write \
             sends its invalidations to. Give both traits namespaces with the same first part, such as `shop:users` and `shop:orders`",
            store.ident
        );
        let cfgs = &store.cfgs;
        quote_spanned!(owner.span()=> #(#cfgs)* const _: () = ::core::assert!(#share_a_bus(#namespace, #owner.__namespace()), #text);)
    });
    checks.collect()
}

/// The traits that targets name, each once.
fn owners(store: &Store) -> Vec<&Path> {
    let writes = store.methods.iter().filter_map(Method::write);
    let entries = writes.flat_map(Write::targets).flat_map(|invalidation| invalidation.target.entries());
    entries.filter_map(|entries| entries.reader.owner.as_ref()).fold(Vec::new(), |mut unique, owner| {
        if !unique.contains(&owner) {
            unique.push(owner);
        }
        unique
    })
}

/// The namespace that the decorator keeps if its writes name other traits, as `name: value`.
pub(super) fn namespace_field(store: &Store, value: &TokenStream) -> Option<TokenStream> {
    let name = Ident::new("__namespace", proc_macro2::Span::call_site());
    (!owners(store).is_empty()).then(|| quote!(#name: #value,))
}
