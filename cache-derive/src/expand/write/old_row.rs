//! The read of the old row, and the targets that name it.

use proc_macro2::TokenStream;
use quote::quote;

use super::argument::argument;
use super::scopes::{Pass, named, readers_of, scopes_of, wholes};
use crate::expand::names::{derived, local, runtime, self_of};
use crate::expand::tags;
use crate::expand::{absent, forward};
use crate::model::{FamilyName, Invalidation, Method, OldRow, Passing, Read, Reader, Reevaluation, Store, Write};

/// The statement that makes the scopes of the row's own method found ones.
///
/// A lock of this write on the row would hide the writes of others.
pub(super) fn take_apart(store: &Store, method: &Method, row: &OldRow) -> TokenStream {
    let (this, read, scopes, rows) = (self_of(method), &row.read, local("scopes"), local("rows"));
    let apart = runtime(store, "apart");
    let families = families(store, row).map(|family| {
        let family = tags::family(store, &this, family);
        quote!(#family.whole())
    });
    quote!(let (#scopes, #rows) = #apart(#scopes, &[#this.#read.scope_prefix(&()) #(, #families)*]);)
}

/// The families of the tags of the row's entry.
pub(super) fn families<'a>(store: &'a Store, row: &'a OldRow) -> impl Iterator<Item = &'a FamilyName> {
    let read = store.methods.iter().filter(|method| method.ident == row.read).find_map(Method::read);
    let tags = read.map(|read| &read.tags[..]).unwrap_or_default();
    store.families.iter().filter(|family| tags.iter().any(|tag| tag.family == **family))
}

/// The method of the row, and the families of its tags: a write of the row is registered on all of them.
pub(super) fn readers<'a>(store: &'a Store, row: &'a OldRow) -> impl Iterator<Item = Reader> {
    let of = |family| Reader { family, owner: None, read: row.read.clone(), cfgs: Vec::new() };
    std::iter::once(of(None)).chain(families(store, row).map(move |family| of(Some(family.clone()))))
}

/// The statements that read the row, and evaluate the targets that name it.
pub(super) fn read(store: &Store, method: &Method, write: &Write, row: &OldRow) -> TokenStream {
    let (this, guard, old_row, old) = (self_of(method), local("write"), local("old_row"), local("old"));
    let function = derived("__old_", &row.read);
    let args = row.args.iter().map(argument);
    let list = with_row(store, method, write, row, &scopes_of(store, &this, &write.old, Pass::Old));
    quote! {
        let #old_row = #this.#function(&mut #guard #(, #args)*).await;
        let #old = #list;
    }
}

/// The scopes of the row, and those of the targets that name it.
///
/// If another write may have changed the row since it was read, these are whole methods.
pub(super) fn found(store: &Store, method: &Method, write: &Write, row: &OldRow) -> TokenStream {
    let (this, old_row, old, rows, found) =
        (self_of(method), local("old_row"), local("old"), local("rows"), local("found"));
    let again: Vec<_> = write.reevaluated().filter(|invalidation| invalidation.names_old).collect();
    let evaluated = again.iter().filter(|invalidation| invalidation.reevaluation != Reevaluation::Whole);
    let evaluated: Vec<&Invalidation> = evaluated.copied().collect();
    let evaluated = (!evaluated.is_empty()).then(|| {
        let list = scopes_of(store, &this, evaluated, Pass::After);
        with_row(store, method, write, row, &list)
    });
    let taken: Vec<&Invalidation> =
        again.into_iter().filter(|invalidation| invalidation.reevaluation == Reevaluation::Whole).collect();
    let taken = (!taken.is_empty()).then(|| wholes(store, &this, readers_of(taken.into_iter())));
    let result = write.after.iter().any(|invalidation| invalidation.names_old).then(|| {
        let list = named(store, method, write, true);
        with_row(store, method, write, row, &list)
    });
    let others = evaluated.into_iter().chain(taken).chain(result);
    let (every, read) = (every(store, method, write), &row.read);
    quote!({
        let mut #found = #rows;
        #found.push(#old_row.fence.scope());
        if #this.#read.is_undisturbed(&#old_row.fence).await {
            ::core::iter::Extend::extend(&mut #found, #old);
            #(::core::iter::Extend::extend(&mut #found, #others);)*
        } else {
            ::core::iter::Extend::extend(&mut #found, #every);
        }
        #found
    })
}

/// The list with the row's value, if the store has it.
fn with_row(store: &Store, method: &Method, write: &Write, row: &OldRow, list: &TokenStream) -> TokenStream {
    let (old_row, name) = (local("old_row"), &row.name);
    let (old_value, values) = (runtime(store, "old_value"), runtime(store, "OldValue"));
    let every = every(store, method, write);
    quote! {
        match #old_value!(&#old_row.row) {
            #values::Row(#name) => #list,
            #values::Absent => ::std::vec::Vec::new(),
            #values::Unknown => #every,
        }
    }
}

/// The whole methods of the targets that name the row.
fn every(store: &Store, method: &Method, write: &Write) -> TokenStream {
    wholes(store, &self_of(method), readers_of(write.targets().filter(|invalidation| invalidation.names_old)))
}

/// The function of the decorator that reads a row before a write.
pub(in crate::expand) fn function(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (cfgs, region, output) = (&method.cfgs, &method.ident, absent::output(store, method, read));
    let (guard_type, old_row, guard) = (runtime(store, "WriteGuard"), runtime(store, "OldRow"), local("write"));
    let (name, length) = (derived("__old_", region), read.key.len());
    let (params, lookup) = (method.view_declarations(read, length), method.lookup_of_views(store, read, length));
    let args = method.params.iter().map(|param| {
        let name = &param.ident;
        match param.passing {
            Passing::Owned => quote!(::core::clone::Clone::clone(#name)),
            Passing::Borrowed(_) | Passing::OptionalBorrowed(_) => quote!(#name),
        }
    });
    let call = absent::loaded(store, read, forward::awaited_with(store, method, &quote!(&self.__backing), args));
    quote! {
        #(#cfgs)*
        async fn #name(&self, #guard: &mut #guard_type #params) -> #old_row<#output> {
            self.#region.old_row(#guard, #lookup, async { #call }).await
        }
    }
}
