//! Parameters: as declarations, lookup keys, copies and arguments.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, Type, TypeReference, parse_quote};

use super::names::at;
use crate::model::{KeyForm, Method, Param, Passing, Read, Store};

impl Param {
    /// The parameter as declared.
    pub(super) fn declaration(&self) -> TokenStream {
        let Self { ident, ty, .. } = self;
        quote!(#ident: #ty)
    }

    /// The part of a key in a lookup, from the parameter itself.
    fn part(&self, store: &Store) -> TokenStream {
        self.part_of_view(store, self.view())
    }

    /// The part of a key in a lookup, from the expression of a view.
    fn part_of_view(&self, store: &Store, view: TokenStream) -> TokenStream {
        if self.part == KeyForm::Itself {
            return view;
        }
        let (ty, place) = (self.part_type(store), self.ty.span());
        let by_reference = match &self.passing {
            Passing::OptionalBorrowed(_) => quote!(&#view),
            Passing::Owned | Passing::Borrowed(_) => view,
        };
        // The compiler reports a type that writes no key at its declaration.
        let of = at(place, if self.part == KeyForm::Display { quote!(displayed) } else { quote!(of) });
        quote!(&<#ty>::#of(#by_reference))
    }

    /// The expression of the parameter as the functions of the decorator take it.
    pub(super) fn view(&self) -> TokenStream {
        let ident = &self.ident;
        match &self.passing {
            Passing::Owned => quote!(&#ident),
            Passing::Borrowed(_) | Passing::OptionalBorrowed(_) => quote!(#ident),
        }
    }

    /// The type of that expression.
    fn view_type(&self) -> Type {
        match &self.passing {
            Passing::Owned => {
                let ty = &self.ty;
                parse_quote!(&#ty)
            }
            Passing::Borrowed(target) => parse_quote!(&#target),
            Passing::OptionalBorrowed(target) => parse_quote!(::core::option::Option<&#target>),
        }
    }

    /// Whether it is passed by value.
    pub(super) fn is_owned(&self) -> bool {
        matches!(self.passing, Passing::Owned)
    }

    /// An owned copy; the parameter itself if it is owned and not needed any more.
    pub(super) fn to_owned(&self, needed_later: bool) -> TokenStream {
        let ident = &self.ident;
        match &self.passing {
            Passing::Owned if needed_later => quote!(::core::clone::Clone::clone(&#ident)),
            Passing::Owned => ident.to_token_stream(),
            Passing::Borrowed(_) => quote!(::std::borrow::ToOwned::to_owned(#ident)),
            Passing::OptionalBorrowed(_) => {
                quote!(::core::option::Option::map(#ident, ::std::borrow::ToOwned::to_owned))
            }
        }
    }

    /// The argument for the store, from an owned copy of the same name.
    pub(super) fn for_store(&self) -> TokenStream {
        let ident = &self.ident;
        match &self.passing {
            Passing::Owned => ident.to_token_stream(),
            Passing::Borrowed(target) => quote!(::core::borrow::Borrow::<#target>::borrow(&#ident)),
            Passing::OptionalBorrowed(target) => {
                quote!(::core::option::Option::map(#ident.as_ref(), ::core::borrow::Borrow::<#target>::borrow))
            }
        }
    }
}

impl Method {
    /// Every parameter as declared.
    pub(super) fn declarations(&self) -> TokenStream {
        let declarations = self.params.iter().map(Param::declaration);
        quote!(#(, #declarations)*)
    }

    /// Every parameter as declared, without the names of the method's own lifetimes.
    pub(super) fn elided_declarations(&self) -> TokenStream {
        let declarations = self.params.iter().map(|param| self.elided(&param.ident, &param.ty));
        quote!(#(, #declarations)*)
    }

    /// The parameters of the key as declared, in its order.
    ///
    /// The names of the method's own lifetimes are omitted.
    pub(super) fn key_declarations(&self, read: &Read) -> TokenStream {
        let key = read.key.iter().map(|place| &self.params[*place]);
        let declarations = key.map(|param| self.elided(&param.ident, &param.ty));
        quote!(#(, #declarations)*)
    }

    /// The parameters of the first parts of the key, as a lookup takes them.
    pub(super) fn view_declarations(&self, read: &Read, length: usize) -> TokenStream {
        let views = read.key.iter().take(length).map(|place| {
            let Param { ident, .. } = &self.params[*place];
            let ty = self.elided_type(&self.params[*place].view_type());
            quote!(#ident: #ty)
        });
        quote!(#(, #views)*)
    }

    /// The names of every parameter.
    pub(super) fn arguments(&self) -> TokenStream {
        let names = self.params.iter().map(|param| &param.ident);
        quote!(#(, #names)*)
    }

    /// The lookup of the whole key.
    pub(super) fn lookup(&self, store: &Store, read: &Read) -> TokenStream {
        let parts = read.key.iter().map(|place| self.params[*place].part(store));
        tuple(&parts.collect::<Vec<_>>())
    }

    /// The expression of each part of the key as the functions of the decorator take it.
    pub(super) fn key_views(&self, read: &Read) -> Vec<TokenStream> {
        read.key.iter().map(|place| self.params[*place].view()).collect()
    }

    /// The lookup of the first parts, from parameters that are views already.
    pub(super) fn lookup_of_views(&self, store: &Store, read: &Read, length: usize) -> TokenStream {
        let parts = read.key.iter().take(length).map(|place| {
            let param = &self.params[*place];
            param.part_of_view(store, param.ident.to_token_stream())
        });
        tuple(&parts.collect::<Vec<_>>())
    }

    fn elided(&self, ident: &Ident, ty: &Type) -> TokenStream {
        let ty = self.elided_type(ty);
        quote!(#ident: #ty)
    }

    fn elided_type(&self, ty: &Type) -> Type {
        let mut ty = ty.clone();
        Elide(&self.generics).visit_type_mut(&mut ty);
        ty
    }
}

/// A tuple behind a reference. Without parts it is a lookup of the empty key, which is one more reference away.
fn tuple(parts: &[TokenStream]) -> TokenStream {
    if parts.is_empty() { quote!(&&()) } else { quote!(&(#(#parts,)*)) }
}

/// Leaves out the names of a method's own lifetimes.
struct Elide<'a>(&'a syn::Generics);

impl Elide<'_> {
    fn declares(&self, lifetime: &Lifetime) -> bool {
        self.0.lifetimes().any(|param| param.lifetime == *lifetime)
    }
}

impl VisitMut for Elide<'_> {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if self.declares(lifetime) {
            *lifetime = Lifetime::new("'_", lifetime.span());
        }
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if reference.lifetime.as_ref().is_some_and(|lifetime| self.declares(lifetime)) {
            reference.lifetime = None;
        }
        visit_mut::visit_type_reference_mut(self, reference);
    }
}
