//! The parts of a mirror that the decorator does not repeat, compared with the foreign trait.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::TypeParamBound;

use super::generics::turbofish;
use super::names::at;
use crate::model::{Associated, Kept, Mirror, Store};

/// A private trait that no type implements, with the supertraits, bounds and methods that only the mirror states.
///
/// So the compiler reports a method that the foreign trait does not have, and takes the imports of the mirror as used.
pub(super) fn signatures(store: &Store, mirror: &Mirror) -> TokenStream {
    let Store { cfgs, lints, .. } = store;
    let (generics, clause, supertraits) = (&mirror.generics, &mirror.generics.where_clause, &mirror.supertraits);
    let foreign = store.as_trait();
    let kept = mirror.kept.iter().map(|method| kept(&foreign, method));
    let bounds = store.associated.iter().enumerate().filter_map(|(place, item)| bounds(place, item));
    let head = at(store.ident.span(), quote!(trait __Mirror));
    quote! {
        #(#cfgs)* #(#lints)*
        #[allow(dead_code, unused_variables, reason = "its methods are compared with those of the foreign trait, and never called")]
        const _: () = {
            #head #generics: #foreign + #supertraits #clause {
                #(#bounds)*
                #(#kept)*
            }
        };
    }
}

/// The call of a method that keeps the default body of the foreign trait.
fn kept(foreign: &TokenStream, method: &Kept) -> TokenStream {
    let Kept { cfgs, lints, sig, arguments } = method;
    let (name, turbofish) = (&sig.ident, turbofish(&sig.generics));
    let receiver = sig.receiver().map(|receiver| receiver.self_token).into_iter();
    let arguments = receiver.map(|this| quote!(#this)).chain(arguments.iter().map(|name| quote!(#name)));
    let awaits = sig.asyncness.is_some().then(|| quote!(.await));
    quote! {
        #(#cfgs)* #(#lints)*
        #sig { <Self as #foreign>::#name #turbofish (#(#arguments),*) #awaits }
    }
}

/// The bounds of an associated type, as those of a function that is never called.
fn bounds(place: usize, item: &Associated) -> Option<TokenStream> {
    let Associated::Type(item) = item else { return None };
    let bounds: Vec<_> = item.bounds.iter().filter(|bound| !is_relaxed(bound)).collect();
    if bounds.is_empty() {
        return None;
    }
    let (name, generics, args) = (&item.ident, &item.generics, item.generics.split_for_impl().1);
    let function = format_ident!("__bounds_{place}");
    let cfgs = item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    Some(quote! {
        #(#cfgs)*
        fn #function #generics() where Self::#name #args: #(#bounds)+*, #(#predicates,)* {}
    })
}

/// Whether a bound is `?Sized`, which a where clause cannot state.
fn is_relaxed(bound: &TypeParamBound) -> bool {
    matches!(bound, TypeParamBound::Trait(bound) if bound.maybe.is_some())
}
