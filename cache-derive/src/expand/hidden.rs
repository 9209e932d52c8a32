//! Functions of the decorator that only generated code calls.

use proc_macro2::TokenStream;
use quote::quote;

use super::names::{derived, prefix_scope, runtime};
use super::{batch, read, write};
use crate::model::{Behaviour, Method, Read, Store};

/// The functions behind a miss, and those that turn typed arguments into scopes.
pub(super) fn hidden(store: &Store) -> TokenStream {
    let Store { cfgs, lints, decorator, .. } = store;
    let (params, args, bounds) = (store.impl_params(), store.args(), store.impl_bounds());
    let functions = store.methods.iter().map(|method| match &method.behaviour {
        Behaviour::Cached(read) => of_method(store, method, read),
        Behaviour::Batch(batch) => batch::hidden(store, method, batch),
        Behaviour::Invalidates(_) | Behaviour::Uncached => quote!(),
    });
    quote! {
        #(#cfgs)* #(#lints)*
        #[allow(dead_code, reason = "a write that takes one of these may be left out by `cfg`")]
        #[allow(clippy::ptr_arg, clippy::too_many_arguments, clippy::type_complexity, reason = "they are those of the trait")]
        #[allow(trivial_bounds, reason = "a key or a value that cannot be cached is reported at its type")]
        impl #params #decorator #args #bounds {
            #(#functions)*
        }
    }
}

fn of_method(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let miss = (!read.options.inline).then(|| read::hidden(store, method, read));
    let entry = entry_scope(store, method, read);
    let prefixes = read.prefixes.iter().map(|length| prefix(store, method, read, *length));
    let key = has_batch(store, method).then(|| batch::key_function(store, method, read));
    let old_row = is_read_before_a_write(store, method).then(|| write::old_row_function(store, method, read));
    let update = is_stored_by_a_write(store, method).then(|| write::update_function(store, method, read));
    quote!(#miss #entry #key #old_row #update #(#prefixes)*)
}

fn is_read_before_a_write(store: &Store, read: &Method) -> bool {
    let mut rows = store.methods.iter().filter_map(|method| method.write()?.row.as_ref());
    rows.any(|row| row.read == read.ident)
}

fn is_stored_by_a_write(store: &Store, read: &Method) -> bool {
    let mut writes = store.methods.iter().filter_map(Method::write);
    writes.any(|write| {
        let targets = write.stored.iter().filter_map(|stored| write.before[stored.target].target.one_scope());
        targets.into_iter().any(|entries| entries.reader.is(&read.ident))
    })
}

fn has_batch(store: &Store, one: &Method) -> bool {
    store.methods.iter().any(|method| matches!(&method.behaviour, Behaviour::Batch(batch) if batch.one == one.ident))
}

fn entry_scope(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (cfgs, region, scope) = (&method.cfgs, &method.ident, runtime(store, "Scope"));
    let (name, length) = (derived("__scope_", &method.ident), read.key.len());
    let (params, lookup) = (method.view_declarations(read, length), method.lookup_of_views(store, read, length));
    quote! {
        #(#cfgs)*
        fn #name(&self #params) -> #scope {
            self.#region.scope(#lookup)
        }
    }
}

fn prefix(store: &Store, method: &Method, read: &Read, length: usize) -> TokenStream {
    let (cfgs, region, scope) = (&method.cfgs, &method.ident, runtime(store, "Scope"));
    let name = prefix_scope(&method.ident, length);
    let (params, lookup) = (method.view_declarations(read, length), method.lookup_of_views(store, read, length));
    quote! {
        #(#cfgs)*
        fn #name(&self #params) -> #scope {
            self.#region.scope_prefix(#lookup)
        }
    }
}
