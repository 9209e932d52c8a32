//! The body of a cached method over many keys.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{ExprPath, Index};

use super::names::{at, derived, local, local_at, runtime, self_of};
use super::view::Look;
use super::{forward, read, types};
use crate::model::{Batch, BatchAnswer, Method, Param, Passing, Read, Store};

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

    /// The expression of the keys, with that of the decorator.
    fn keys(&self, decorator: &TokenStream) -> TokenStream {
        let (one, list, key) = (local("one"), &self.list().ident, derived("__key_", &self.batch.one));
        let views = self.read.key.iter().map(|place| match *place {
            many if many == self.batch.many => quote!(#one),
            other => self.method.params[other].view(),
        });
        let keys_of = runtime(self.store, "keys_of");
        quote!(#keys_of(&#list, |#one| #decorator.#key(#(#views),*)))
    }
}

/// The body: the keys first, everything else behind one call.
pub(super) fn body(store: &Store, method: &Method, batch: &Batch) -> TokenStream {
    let pair = Pair::of(store, method, batch);
    let (keys, this, function) = (local("keys"), self_of(method), derived("__read_", &method.ident));
    let list = pair.keys(&this.to_token_stream());
    let is_filtered = pair.read.options.visible_if.as_ref().map(|path| {
        let options = options(&pair, Some(path));
        quote!(, #options)
    });
    let copies = pair.others().map(|param| param.to_owned(is_filtered.is_some()));
    let arguments = (method.params.len() > 1).then(|| quote!(, (#(#copies,)*)));
    quote! {
        let #keys = #list;
        #this.#function(#keys #is_filtered #arguments).await
    }
}

/// The look-up of the keys of a batch in the tiers.
pub(super) fn look(store: &Store, method: &Method, batch: &Batch) -> Look {
    let pair = Pair::of(store, method, batch);
    let (keys, key, region, part) = (local("keys"), local("key"), &batch.one, Index::from(batch.part));
    let list = pair.keys(&quote!(self.0));
    let visible = pair.read.options.visible_if.as_ref().map(|path| visible(&pair, path));
    let is_async = visible.is_some() || !matches!(batch.answer, BatchAnswer::Map);
    let visible = visible.unwrap_or_else(|| quote!(|_, _| true));
    let awaited = is_async.then(|| quote!(.await));
    let unused = pair.others().map(|param| &param.ident);
    // The compiler reports a wrong return type at its declaration.
    let call = quote!(self.0.#region.cached_only_many(#keys, |#key| &#key.#part, #visible) #awaited);
    let answer = found_only(&pair, &at(method.output.span(), call));
    let body = quote! {
        #(let _ = &#unused;)*
        let #keys = #list;
        #answer
    };
    Look { value: types::batch_value(store, method, batch), body, is_async }
}

/// The functions behind it: one that makes a key, and one that reads.
pub(super) fn hidden(store: &Store, method: &Method, batch: &Batch) -> TokenStream {
    let pair = Pair::of(store, method, batch);
    let (keys, options_name, arguments, backing, key) =
        (local("keys"), local("options"), local("arguments"), local("backing"), local("key"));
    let (cfgs, lints, output, region, name) = (&method.cfgs, &method.lints, &method.output, &batch.one, &method.ident);
    let function = derived("__read_", name);
    let (key_type, part) = (types::key(pair.store, pair.one, pair.read), Index::from(batch.part));
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
    let read_many = match batch.answer {
        BatchAnswer::Map => types::reading(store, method, &batch.returned, &read_many, 3),
        // The result for the caller is made from one with a map.
        BatchAnswer::InOrder(_) | BatchAnswer::Rows(..) => read_many.to_token_stream(),
    };
    let load = loaded(&pair, &element, &call);
    let answer = quote! {
        self.#region.#read_many(#keys, |#key| &#key.#part, #options, move |#list: ::std::vec::Vec<#element>| {
            let #backing = ::core::clone::Clone::clone(&#backing);
            #unpack
            async move { #load }
        })
    };
    let answer = returned(&pair, &element, &answer);
    quote! {
        #(#cfgs)* #(#lints)*
        fn #function<'__call>(
            &'__call self, #keys: ::std::vec::Vec<#key_type> #options_param #arguments_param
        ) -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = #output> + ::core::marker::Send + '__call>> {
            let #backing = ::core::clone::Clone::clone(&self.__backing);
            #answer
        }
    }
}

/// The result of the load as a map, from that of the store.
fn loaded(pair: &Pair<'_>, element: &TokenStream, call: &TokenStream) -> TokenStream {
    let (list, wanted, row) = (&pair.list().ident, local("wanted"), local("row"));
    match &pair.batch.answer {
        BatchAnswer::Map => call.clone(),
        BatchAnswer::InOrder(_) => {
            let (paired, name) = (runtime(pair.store, "paired"), pair.method.ident.to_string());
            quote! {
                let #wanted = ::core::clone::Clone::clone(&#list);
                #paired(#name, #wanted, #call)
            }
        }
        BatchAnswer::Rows(ty, by) => {
            let keyed = runtime(pair.store, "keyed");
            quote! {
                #keyed(#call, |#row: &#ty| {
                    ::core::clone::Clone::clone(::core::borrow::Borrow::<#element>::borrow(&#by(#row)))
                })
            }
        }
    }
}

/// The future of the result, from that of the map.
fn returned(pair: &Pair<'_>, element: &TokenStream, answer: &TokenStream) -> TokenStream {
    let (keys, key, wanted, found, part) =
        (local("keys"), local("key"), local("wanted"), local("found"), Index::from(pair.batch.part));
    let (function, value) = match &pair.batch.answer {
        BatchAnswer::Map => return answer.clone(),
        BatchAnswer::InOrder(value) => (runtime(pair.store, "in_order"), value),
        BatchAnswer::Rows(value, _) => (runtime(pair.store, "rows"), value),
    };
    let (error, keys_of) =
        (types::error(pair.store, pair.method, &pair.batch.returned), runtime(pair.store, "keys_of"));
    quote! {
        let #wanted: ::std::vec::Vec<#element> = #keys_of(&#keys, |#key| ::core::clone::Clone::clone(&#key.#part));
        let #found: ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<
            Output = ::core::result::Result<::std::vec::Vec<(#element, #value)>, #error>
        > + ::core::marker::Send + '__call>> = #answer;
        ::std::boxed::Box::pin(async move { #function(&#wanted, #found.await) })
    }
}

/// What the tiers have, in the form of the result.
fn found_only(pair: &Pair<'_>, call: &TokenStream) -> TokenStream {
    let (keys, key, wanted, found, part) =
        (local("keys"), local("key"), local("wanted"), local("found"), Index::from(pair.batch.part));
    let (function, value) = match &pair.batch.answer {
        BatchAnswer::Map => return call.clone(),
        BatchAnswer::InOrder(value) => (runtime(pair.store, "found_in_order"), value),
        BatchAnswer::Rows(value, _) => (runtime(pair.store, "found_rows"), value),
    };
    let (element, keys_of) = (pair.one.params[pair.batch.many].owned_type(), runtime(pair.store, "keys_of"));
    quote! {
        let #wanted: ::std::vec::Vec<#element> = #keys_of(&#keys, |#key| ::core::clone::Clone::clone(&#key.#part));
        let #found: ::core::option::Option<::std::vec::Vec<(#element, #value)>> = #call;
        #function(&#wanted, #found)
    }
}

/// The function that builds a key of the method over one key, for its batches.
pub(super) fn key_function(store: &Store, one: &Method, read: &Read) -> TokenStream {
    let (cfgs, region, name) = (&one.cfgs, &one.ident, derived("__key_", &one.ident));
    let length = read.key.len();
    let (params, lookup, key) =
        (one.view_declarations(read, length), one.lookup_of_views(store, read, length), types::key(store, one, read));
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
        types::key(store, one, pair.read),
        types::value(store, one, pair.read),
        types::error(store, pair.method, &pair.batch.returned),
    );
    quote!(#options<'__call, #key, #value, #error>)
}

/// The options with which the runtime serves a batch.
fn options(pair: &Pair<'_>, visible_if: Option<&ExprPath>) -> TokenStream {
    let (options, load_errors, error) = (
        runtime(pair.store, "ReadOptions"),
        runtime(pair.store, "load_errors"),
        types::error(pair.store, pair.method, &pair.batch.returned),
    );
    let visible = visible_if.map(|path| {
        let visible = visible(pair, path);
        quote!(.visible_if(#visible))
    });
    let cache_if = pair.read.options.cache_if.as_ref().map(|path| {
        let predicate = read::cache_if(pair.read, path);
        quote!(.cache_if(#predicate))
    });
    let (key, value) = (types::key(pair.store, pair.one, pair.read), types::value(pair.store, pair.one, pair.read));
    let outages = read::outages(pair.store, pair.method, pair.read, &error);
    quote!(#options::<#key, #value, #error>::new(#load_errors!(#error) #outages) #visible #cache_if)
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
