//! Parameters and where clauses: those of the trait, with the backing store in front.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{GenericParam, Generics, Ident, TypeParam};

use super::names::{at, distinct, runtime};
use super::types;
use crate::model::{Exclusive, Method, Mirror, Store};

impl Store {
    /// The parameters of a generated type, with their bounds and defaults.
    pub(super) fn declared(&self) -> TokenStream {
        self.params(ToTokens::to_token_stream)
    }

    /// The parameters of an `impl`, with their bounds.
    pub(super) fn impl_params(&self) -> TokenStream {
        self.params(|param| without_default(param).into_token_stream())
    }

    /// The arguments of a generated type.
    pub(super) fn args(&self) -> TokenStream {
        let backing = &self.backing;
        let lifetimes = self.generics.lifetimes().map(|param| &param.lifetime);
        let others = self.others().map(name);
        quote!(<#(#lifetimes,)* #backing #(, #others)*>)
    }

    /// The trait that the decorator implements, with its arguments.
    ///
    /// Those of a mirror are its own, unless the path of the foreign trait has some.
    pub(super) fn as_trait(&self) -> TokenStream {
        let ident = &self.ident;
        let args = self.generics.split_for_impl().1;
        match &self.mirror {
            Some(Mirror { path, .. }) if path.segments.last().is_some_and(|last| !last.arguments.is_none()) => {
                quote!(#path)
            }
            Some(Mirror { path, .. }) => quote!(#path #args),
            None => quote!(#ident #args),
        }
    }

    /// The type behind the `Arc` of the decorator: the store, or a lock around it.
    pub(super) fn backing_type(&self) -> TokenStream {
        let (backing, krate) = (&self.backing, &self.krate);
        match self.exclusive {
            Some(Exclusive::Lock) => quote!(#krate::RwLock<#backing>),
            Some(Exclusive::Clone) | None => backing.to_token_stream(),
        }
    }

    /// `<S as Trait>`
    pub(super) fn of_backing(&self) -> TokenStream {
        let backing = &self.backing;
        let store = self.as_trait();
        quote!(<#backing as #store>)
    }

    /// The where clause of a generated type.
    pub(super) fn type_bounds(&self) -> TokenStream {
        let backing = &self.backing;
        let store = self.as_trait();
        let projects = self.projects.then(|| quote!(#backing: #store,));
        let predicates = self.predicates();
        quote!(where #projects #predicates)
    }

    /// The where clause of an `impl` that calls the store.
    pub(super) fn impl_bounds(&self) -> TokenStream {
        let backing = &self.backing;
        let store = self.as_trait();
        let types = self.generics.type_params().map(|param| &param.ident);
        let predicates = self.predicates();
        let cacheable = self.cacheable();
        let cloned = (self.exclusive == Some(Exclusive::Clone)).then(|| quote!(::core::clone::Clone+));
        quote! {
            where
                #backing: #store + #cloned ::core::marker::Send + ::core::marker::Sync + 'static,
                #(#types: 'static,)*
                #predicates
                #cacheable
        }
    }

    /// The bounds on keys and values, each once: every body is checked with all of them in view.
    ///
    /// With these bounds the compiler reports an unsuitable type once, at the type; without them it would report every
    /// call in the bodies. `cfg` cannot remove a bound, so methods with a `cfg` have none.
    fn cacheable(&self) -> TokenStream {
        let reads = self.methods.iter().filter(|method| method.cfgs.is_empty());
        let bounds = distinct(reads.flat_map(|method| self.cacheable_read(method)));
        quote!(#(#bounds,)*)
    }

    fn cacheable_read(&self, method: &Method) -> Vec<TokenStream> {
        let Some(read) = method.read() else { return Vec::new() };
        let parts = read.key.iter().map(|place| &method.params[*place]).filter(|param| !param.is_known_part());
        let parts = parts.map(|param| {
            let key_part = runtime(self, "KeyPart");
            let (owned, key_part) = (param.part_type(self), at(param.ty.span(), key_part));
            quote!(#owned: #key_part)
        });
        let value = types::value(self, method, read);
        let cacheable = at(method.output.span(), runtime(self, "Cacheable"));
        parts.chain([quote!(#value: #cacheable)]).collect()
    }

    /// The field that uses the trait's parameters, if it has any.
    pub(super) fn marker_type(&self) -> Option<TokenStream> {
        if self.generics.params.is_empty() {
            return None;
        }
        let lifetimes = self.generics.lifetimes().map(|param| &param.lifetime);
        let types = self.generics.type_params().map(|param| &param.ident);
        Some(quote! {
            ::core::marker::PhantomData<fn() -> (#(&#lifetimes (),)* #(::core::marker::PhantomData<#types>,)*)>
        })
    }

    fn params(&self, form: impl Fn(&GenericParam) -> TokenStream) -> TokenStream {
        let backing = &self.backing;
        let lifetimes = self.generics.params.iter().filter(|param| is_lifetime(param)).map(&form);
        let others = self.others().map(&form);
        quote!(<#(#lifetimes,)* #backing: ?::core::marker::Sized #(, #others)*>)
    }

    fn others(&self) -> impl Iterator<Item = &GenericParam> {
        self.generics.params.iter().filter(|param| !is_lifetime(param))
    }

    fn predicates(&self) -> TokenStream {
        let predicates = self.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
        quote!(#(#predicates,)*)
    }
}

/// The turbofish that passes a method's own parameters on.
pub(super) fn turbofish(generics: &Generics) -> Option<TokenStream> {
    let names: Vec<&Ident> = generics.params.iter().filter(|param| !is_lifetime(param)).map(name).collect();
    (!names.is_empty()).then(|| quote!(::<#(#names),*>))
}

fn is_lifetime(param: &GenericParam) -> bool {
    matches!(param, GenericParam::Lifetime(_))
}

fn name(param: &GenericParam) -> &Ident {
    match param {
        GenericParam::Type(param) => &param.ident,
        GenericParam::Const(param) => &param.ident,
        GenericParam::Lifetime(param) => &param.lifetime.ident,
    }
}

fn without_default(param: &GenericParam) -> GenericParam {
    let mut param = param.clone();
    match &mut param {
        GenericParam::Type(TypeParam { default, .. }) => *default = None,
        GenericParam::Const(param) => param.default = None,
        GenericParam::Lifetime(_) => {}
    }
    param
}
