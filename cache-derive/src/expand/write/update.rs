//! The entries that a write stores: prepared before the call, with their values after it.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::scopes::{Pass, with_result};
use super::target::Context;
use crate::expand::names::{derived, local, runtime, self_of};
use crate::expand::{read, types};
use crate::model::{Entries, Method, Read, Reevaluation, Store, Stored, Write};

/// An entry to store, and its place among the others.
struct Update<'a> {
    stored: &'a Stored,
    entries: &'a Entries,
    reevaluation: Reevaluation,
    place: usize,
}

fn updates(write: &Write) -> impl Iterator<Item = Update<'_>> {
    write.stored.iter().enumerate().filter_map(|(place, stored)| {
        let invalidation = &write.before[stored.target];
        let entries = invalidation.target.one_scope()?;
        Some(Update { stored, entries, reevaluation: invalidation.reevaluation, place })
    })
}

impl Update<'_> {
    fn handle(&self) -> Ident {
        local(&format!("update_{}", self.place))
    }

    fn value(&self) -> Ident {
        local(&format!("value_{}", self.place))
    }

    fn read<'a>(&self, store: &'a Store) -> impl Iterator<Item = (&'a Method, &'a Read)> {
        let name = self.entries.reader.read.clone();
        store
            .methods
            .iter()
            .filter(move |method| method.ident == name)
            .filter_map(|method| Some((method, method.read()?)))
    }
}

/// The statements before the call: the handles, and the values that the parameters determine.
pub(super) fn prepare(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let this = self_of(method);
    let context = Context { store, this: &this, pass: Pass::Before };
    let statements = updates(write).map(|update| {
        let (handle, value, cfgs) = (update.handle(), update.value(), &update.entries.reader.cfgs);
        let function = derived("__update_", &update.entries.reader.read);
        let arguments = context.arguments(update.entries);
        let expression = &update.stored.value;
        // `cfg` may choose between two forms of the read method.
        let values = update.read(store).filter(|_| !update.stored.is_late).map(|(reader, read)| {
            let (cfgs, ty) = (&reader.cfgs, types::value(store, reader, read));
            quote!(#(#cfgs)* let #value: #ty = #expression;)
        });
        quote! {
            #(#cfgs)* let #handle = #this.#function(#(#arguments),*);
            #(#values)*
        }
    });
    quote!(#(#statements)*)
}

/// The handles as a list, for the guard.
pub(super) fn handles(store: &Store, write: &Write) -> TokenStream {
    let handles = updates(write).map(|update| {
        let (handle, cfgs) = (update.handle(), &update.entries.reader.cfgs);
        quote!(#(#cfgs)* #handle.any())
    });
    let updates = runtime(store, "updates");
    quote!(#updates([#(#handles),*]))
}

/// The statements after the call, which set the values if it has written.
pub(super) fn set(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (outcome, outcomes) = (local("outcome"), runtime(store, "WriteOutcome"));
    let statements: Vec<_> = updates(write).map(|update| set_one(store, method, write, &update)).collect();
    if statements.is_empty() {
        return TokenStream::new();
    }
    quote!(if #outcome == #outcomes::Written { #(#statements)* })
}

fn set_one(store: &Store, method: &Method, write: &Write, update: &Update<'_>) -> TokenStream {
    let (handle, value, cfgs) = (update.handle(), update.value(), &update.entries.reader.cfgs);
    let expression = &update.stored.value;
    let set = match &update.stored.condition {
        Some(condition) => {
            let holds = local("holds");
            quote!(#handle.set_if(|| {
                let #holds: bool = #condition;
                if #holds { ::core::option::Option::Some(#expression) } else { ::core::option::Option::None }
            });)
        }
        None if update.stored.is_late => quote!(#handle.set(|| #expression);),
        None => quote!(#handle.set(move || #value);),
    };
    let set = if update.stored.names_result { with_result(store, write, &quote!({ #set }), &quote!({})) } else { set };
    if update.reevaluation == Reevaluation::Nothing {
        return quote!(#(#cfgs)* { #set });
    }
    // A reference may hide interior mutability: the value belongs to the entry that was locked.
    let this = self_of(method);
    let scope = Context { store, this: &this, pass: Pass::After }.one_scope(update.entries);
    quote!(#(#cfgs)* { if #scope == #handle.scope() { #set } })
}

/// The function of the decorator that prepares the update of an entry.
pub(in crate::expand) fn function(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (cfgs, region) = (&method.cfgs, &method.ident);
    let (update, name, length) = (runtime(store, "Update"), derived("__update_", region), read.key.len());
    let (params, lookup) = (method.view_declarations(read, length), method.lookup_of_views(store, read, length));
    let (key, value) = (types::key(store, method, read), types::value(store, method, read));
    let cache_if = read.options.cache_if.as_ref().map(|path| {
        let predicate = read::cache_if(read, path);
        quote!(.cache_if(#predicate))
    });
    quote! {
        #(#cfgs)*
        fn #name(&self #params) -> ::std::sync::Arc<#update<#key, #value>> {
            ::std::sync::Arc::new(self.#region.update(#lookup) #cache_if)
        }
    }
}
