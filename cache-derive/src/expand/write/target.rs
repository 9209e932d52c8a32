//! The scopes of one target.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Expr;
use syn::spanned::Spanned;

use super::argument::{argument, view};
use super::scopes::Pass;
use crate::awaits::awaits;
use crate::expand::names::{at, derived, local, prefix_scope, runtime};
use crate::expand::tags;
use crate::model::{Each, Entries, Extent, Iteration, Reader, Store, Target};

/// What the code of a target depends on.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) store: &'a Store,
    /// The decorator.
    pub(super) this: &'a Ident,
    pub(super) pass: Pass,
}

impl Context<'_> {
    /// The scope of a target that is always one, as an element of an array.
    pub(super) fn one_scope(self, entries: &Entries) -> TokenStream {
        let (cfgs, scope) = (&entries.reader.cfgs, self.bare_scope(entries));
        let cannot_fail = self.pass.is_before_the_call() || entries.extent.arguments().is_empty();
        if cannot_fail {
            return quote!(#(#cfgs)* #scope);
        }
        let whole = self.whole_scope(&entries.reader);
        if entries.extent.arguments().iter().any(|argument| awaits(&argument.expression)) {
            let or_whole = runtime(self.store, "scope_or_whole_async");
            return quote!(#(#cfgs)* #or_whole(async { #scope }, || #whole).await);
        }
        let or_whole = runtime(self.store, "scope_or_whole");
        quote!(#(#cfgs)* #or_whole(|| #scope, || #whole))
    }

    /// The statement that adds the scopes of any other target to the list.
    ///
    /// A panic after the call invalidates every method that the target names.
    pub(super) fn extend(self, target: &Target) -> TokenStream {
        let list = local("list");
        let add = self.add(target);
        if self.pass.is_before_the_call() {
            return add;
        }
        let (scope, wholes) = (runtime(self.store, "Scope"), self.wholes(target));
        let scopes = quote!(let mut #list = ::std::vec::Vec::<#scope>::new(); #add #list);
        if target.expressions().into_iter().any(awaits) {
            let or_whole = runtime(self.store, "scopes_or_whole_async");
            return quote!(::core::iter::Extend::extend(&mut #list, #or_whole(async { #scopes }, || #wholes).await););
        }
        let or_whole = runtime(self.store, "scopes_or_whole");
        quote!(::core::iter::Extend::extend(&mut #list, #or_whole(|| { #scopes }, || #wholes));)
    }

    fn add(self, target: &Target) -> TokenStream {
        match target {
            Target::Entries(entries) => self.add_entries(entries),
            Target::Each(each) => self.add_each(target, each),
        }
    }

    fn add_entries(self, entries: &Entries) -> TokenStream {
        let (list, cfgs, scope) = (local("list"), &entries.reader.cfgs, self.bare_scope(entries));
        let add = under(&entries.conditions, quote!(#list.push(#scope);));
        quote!(#(#cfgs)* { #add })
    }

    /// A loop over the list. So many scopes that they would burden the shared tier become those of whole methods.
    fn add_each(self, target: &Target, each: &Each) -> TokenStream {
        let (list, scope, limited) = (local("list"), runtime(self.store, "Scope"), runtime(self.store, "limited"));
        let (element, elements, wholes) = (&each.element, elements(each), self.wholes(target));
        let nested = each.targets.iter().map(|target| self.add(target));
        let all = quote! {
            ::core::iter::Extend::extend(&mut #list, #limited({
                let mut #list = ::std::vec::Vec::<#scope>::new();
                #[allow(for_loops_over_fallibles, clippy::unnecessary_to_owned)]
                for #element in #elements {
                    #(#nested)*
                }
                #list
            }, || #wholes));
        };
        under(&each.conditions, all)
    }

    /// The scopes of the whole methods that a target names, each once.
    pub(super) fn wholes(self, target: &Target) -> TokenStream {
        let mut named: Vec<String> = Vec::new();
        let entries = target.entries();
        let wholes = entries.iter().filter_map(|entries| {
            let whole = self.whole(&entries.reader);
            let name = whole.to_string();
            (!named.contains(&name)).then(|| {
                named.push(name);
                whole
            })
        });
        let (wholes, scopes) = (wholes.collect::<Vec<_>>(), runtime(self.store, "scopes"));
        quote!(#scopes([#(#wholes),*]))
    }

    /// The scope of a whole method, as an element of an array.
    pub(super) fn whole(self, reader: &Reader) -> TokenStream {
        let (cfgs, scope) = (&reader.cfgs, self.whole_scope(reader));
        quote!(#(#cfgs)* #scope)
    }

    fn whole_scope(self, reader: &Reader) -> TokenStream {
        let (this, read) = (self.this, &reader.read);
        if let Some(family) = &reader.family {
            let family = tags::family(self.store, this, family);
            return quote!(#family.whole());
        }
        match &reader.owner {
            None => quote!(#this.#read.scope_prefix(&())),
            Some(owner) => {
                let function = derived("__of_", read);
                quote!(#owner.#function().whole(&#this.__cache, &#this.__namespace))
            }
        }
    }

    /// The arguments for the key, in the form that functions of the decorator take.
    pub(super) fn arguments(self, entries: &Entries) -> Vec<TokenStream> {
        let arguments = entries.extent.arguments().iter().map(|arg| match &arg.part {
            Some(part) if self.pass.uses_parts() => view(part),
            _ => argument(arg),
        });
        arguments.collect()
    }

    fn bare_scope(self, entries: &Entries) -> TokenStream {
        let Entries { reader, extent, .. } = entries;
        let (this, read) = (self.this, &reader.read);
        if let (Some(name), Extent::Entry(parts)) = (&reader.family, extent) {
            let family = tags::family(self.store, this, name);
            let parts: Vec<Expr> = parts.iter().map(|part| part.expression.clone()).collect();
            let key = tags::key(self.store, name, &parts);
            return quote!(#family.scope(#key));
        }
        let args = self.arguments(entries);
        match (extent, &reader.owner) {
            (Extent::Prefix(parts), _) if parts.is_empty() => self.whole_scope(reader),
            (_, Some(owner)) => quote!(#owner.#read(#(#args),*).scope(&#this.__cache, &#this.__namespace)),
            (Extent::Entry(_), None) => {
                let function = derived("__scope_", read);
                quote!(#this.#function(#(#args),*))
            }
            (Extent::Prefix(parts), None) => {
                let function = prefix_scope(read, parts.len());
                quote!(#this.#function(#(#args),*))
            }
        }
    }
}

/// The statement behind its conditions, the first one outermost.
fn under(conditions: &[Expr], statement: TokenStream) -> TokenStream {
    conditions.iter().rev().fold(statement, |inner, condition| {
        let holds = local("holds");
        quote! {
            let #holds: bool = #condition;
            if #holds { #inner }
        }
    })
}

/// The list as a loop iterates over it.
fn elements(each: &Each) -> TokenStream {
    let list = &each.list;
    match each.iteration {
        Iteration::AsWritten => quote!(#list),
        Iteration::Borrowed(pointers) => {
            let stars = (0..pointers).map(|_| quote!(*));
            let through = at(list.span(), quote!(&#(#stars)*));
            quote!(#through #list)
        }
    }
}
