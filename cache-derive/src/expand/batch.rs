//! The body of a cached method over many keys.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{ExprPath, Index};

use super::names::{derived, local, local_at, runtime, self_of};
use super::{forward, read, types};
use crate::model::{Batch, Method, Param, Passing, Read, Store};

/// A batch method with the method over one key.
struct Pair<'a> {
    store: &'a Store,
    method: &'a Method,
    batch: &'a Batch,
    one: &'a Method,
    read: &'a Read,
}

impl<'a> Pair<'a> {
    fn of(store: &'a Store, method: &'a Method, batch: &'a Batch) -> Self {
        let one = store.methods.iter().find(|one| one.ident == batch.one && one.read().is_some());
        let one = one.expect("a batch names a cached method");
        Self { store, method, batch, one, read: one.read().expect("it was looked for as such") }
    }

    /// The parameters besides the list.
    fn others(&self) -> impl Iterator<Item = &'a Param> {
        let many = self.batch.many;
        self.method.params.iter().enumerate().filter(move |(place, _)| *place != many).map(|(_, param)| param)
    }

    fn list(&self) -> &'a Param {
        &self.method.params[self.batch.many]
    }
}

/// The body: the keys first, everything else behind one call.
pub(super) fn body(store: &Store, method: &Method, batch: &Batch) -> TokenStream {
    let pair = Pair::of(store, method, batch);
    let (keys, one, this) = (local("keys"), local("one"), self_of(method));
    let (function, key) = (derived("__read_", &method.ident), derived("__key_", &batch.one));
    let list = &pair.list().ident;
    let views = pair.read.key.iter().map(|place| match *place {
        many if many == batch.many => quote!(#one),
        other => method.params[other].view(),
    });
    let is_filtered = pair.read.options.visible_if.as_ref().map(|path| {
        let options = options(&pair, Some(path));
        quote!(, #options)
    });
    let copies = pair.others().map(|param| param.to_owned(is_filtered.is_some()));
    let arguments = (method.params.len() > 1).then(|| quote!(, (#(#copies,)*)));
    quote! {
        let #keys = #list.iter().map(|#one| #this.#key(#(#views),*)).collect();
        #this.#function(#keys #is_filtered #arguments).await
    }
}

/// The functions behind it: one that makes a key, and one that reads.
pub(super) fn hidden(store: &Store, method: &Method, batch: &Batch) -> TokenStream {
    let pair = Pair::of(store, method, batch);
    let (keys, options_name, arguments, backing, key) =
        (local("keys"), local("options"), local("arguments"), local("backing"), local("key"));
    let (cfgs, lints, output, region, name) = (&method.cfgs, &method.lints, &method.output, &batch.one, &method.ident);
    let function = derived("__read_", name);
    let (key_type, part) = (types::key(pair.one, pair.read), Index::from(batch.part));
    let is_filtered = pair.read.options.visible_if.is_some();
    let options_param = is_filtered.then(|| {
        let options = options_type(&pair);
        quote!(, #options_name: #options)
    });
    let options = if is_filtered { quote!(#options_name) } else { options(&pair, None) };
    let names: Vec<_> = pair.others().map(|param| &param.ident).collect();
    let owned = pair.others().map(Param::owned_type);
    let arguments_param = (!names.is_empty()).then(|| quote!(, #arguments: (#(#owned,)*)));
    let unpack = (!names.is_empty()).then(|| quote!(let (#(#names,)*) = ::core::clone::Clone::clone(&#arguments);));
    let (list, element) = (&pair.list().ident, pair.one.params[batch.many].owned_type());
    let call = method.params.iter().enumerate().map(|(place, param)| match place {
        many if many == batch.many && batch.by_value => quote!(#list),
        many if many == batch.many => quote!(&#list),
        _ => param.for_store(),
    });
    let call = forward::loaded(store, method, &quote!(&#backing), call);
    // The compiler reports a wrong return type at its declaration.
    let read_many = Ident::new("read_many", Span::call_site().located_at(output.span()));
    quote! {
        #(#cfgs)* #(#lints)*
        fn #function<'__call>(
            &'__call self, #keys: ::std::vec::Vec<#key_type> #options_param #arguments_param
        ) -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = #output> + ::core::marker::Send + '__call>> {
            let #backing = ::std::sync::Arc::clone(&self.__backing);
            self.#region.#read_many(#keys, |#key| &#key.#part, #options, move |#list: ::std::vec::Vec<#element>| {
                let #backing = ::std::sync::Arc::clone(&#backing);
                #unpack
                async move { #call }
            })
        }
    }
}

/// The function that builds a key of the method over one key, for its batches.
pub(super) fn key_function(one: &Method, read: &Read) -> TokenStream {
    let (cfgs, region, name) = (&one.cfgs, &one.ident, derived("__key_", &one.ident));
    let length = read.key.len();
    let (params, lookup, key) =
        (one.view_declarations(read, length), one.lookup_of_views(read, length), types::key(one, read));
    quote! {
        #(#cfgs)*
        fn #name(&self #params) -> #key {
            self.#region.key(#lookup)
        }
    }
}

fn options_type(pair: &Pair<'_>) -> TokenStream {
    let (store, one) = (pair.store, pair.one);
    let (options, key, value, error) = (
        runtime(store, "ReadOptions"),
        types::key(one, pair.read),
        types::value(store, one, pair.read),
        types::error(store, pair.method),
    );
    quote!(#options<'__call, #key, #value, #error>)
}

/// The options with which the runtime serves a batch.
fn options(pair: &Pair<'_>, visible_if: Option<&ExprPath>) -> TokenStream {
    let (options, load_errors, error) =
        (runtime(pair.store, "ReadOptions"), runtime(pair.store, "load_errors"), types::error(pair.store, pair.method));
    let visible = visible_if.map(|path| {
        let visible = visible(pair, path);
        quote!(.visible_if(#visible))
    });
    let cache_if = pair.read.options.cache_if.as_ref().map(|path| {
        let predicate = read::cache_if(pair.read, path);
        quote!(.cache_if(#predicate))
    });
    let (key, value) = (types::key(pair.one, pair.read), types::value(pair.store, pair.one, pair.read));
    quote!(#options::<#key, #value, #error>::new(#load_errors!(#error)) #visible #cache_if)
}

/// The call of `visible_if` for one key, as the method over one key makes it.
fn visible(pair: &Pair<'_>, path: &ExprPath) -> TokenStream {
    let (key, value, part) = (local("key"), local_at("value", path.span()), Index::from(pair.batch.part));
    let element = local("element");
    let view = match &pair.one.params[pair.batch.many].passing {
        Passing::Borrowed(target) => quote!(let #element: &#target = ::core::borrow::Borrow::borrow(&#key.#part);),
        Passing::Owned | Passing::OptionalBorrowed(_) => quote!(let #element = &#key.#part;),
    };
    let element = match &pair.one.params[pair.batch.many].passing {
        Passing::Borrowed(_) => quote!(&#element),
        Passing::Owned | Passing::OptionalBorrowed(_) => quote!(#element),
    };
    let params = pair.method.params.iter().enumerate().map(|(place, param)| {
        let name = &param.ident;
        if place == pair.batch.many { element.clone() } else { quote!(&#name) }
    });
    let call = quote!({ #view #path(#value #(, #params)*) });
    let answer = read::for_value(pair.read, &value, &call, &quote!(false));
    quote!(|#key, #value| #answer)
}
