//! The body of a cached method: the local tier first, everything else behind one call.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ExprPath;
use syn::spanned::Spanned;

use super::names::{at, derived, local, local_at, runtime, self_of};
use super::{absent, forward, revalidate, types};
use crate::model::{Life, Method, Param, Read, Store};
use crate::options::cached;

/// The body.
pub(super) fn body(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (hit, answer, this, region) = (local("hit"), local("answer"), self_of(method), &method.ident);
    let (lookup, local_read) = (method.lookup(store, read), runtime(store, "LocalRead"));
    let lookup_call = if let Some(path) = &read.options.visible_if {
        let visible = visible(method, read, path);
        quote!(#this.#region.local_if(#lookup, #visible))
    } else {
        quote!(#this.#region.local(#lookup))
    };
    let miss = if read.options.inline { inline(store, method, read) } else { detached(store, method, read) };
    let returned = absent::returned(store, method, read, &quote!(#hit));
    quote! {
        let #answer = match #lookup_call {
            #local_read::Fresh(#hit) => return #returned,
            #answer => #answer,
        };
        #miss
    }
}

/// The miss with a load in its own task, which takes owned copies of the arguments.
fn detached(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (key, answer, this, region) = (local("key"), local("answer"), self_of(method), &method.ident);
    let (function, lookup) = (derived("__read_", &method.ident), method.lookup(store, read));
    let visible = read.options.visible_if.as_ref().map(|path| {
        let options = options(store, method, read, Some(path));
        quote!(, #options)
    });
    let are_needed_later = visible.is_some() || read.options.absent.is_some();
    let copies = method.params.iter().map(|param| param.to_owned(are_needed_later));
    let arguments = (!method.params.is_empty()).then(|| quote!(, (#(#copies,)*)));
    let answered =
        absent::answered(store, method, read, quote!(#this.#function(#key, #answer #visible #arguments).await));
    quote! {
        let #key = #this.#region.key(#lookup);
        #answered
    }
}

/// The miss with a load in a caller's task: it may borrow.
fn inline(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (key, answer, this, region, backing) =
        (local("key"), local("answer"), self_of(method), &method.ident, local("backing"));
    let lookup = method.lookup(store, read);
    let options = options(store, method, read, read.options.visible_if.as_ref());
    let are_needed_later = read.options.visible_if.is_some() || read.options.absent.is_some();
    let copies = method.params.iter().filter(|param| are_needed_later && param.is_owned()).map(|param| {
        let (name, copy) = (&param.ident, param.to_owned(true));
        quote!(let #name = #copy;)
    });
    let arguments = method.params.iter().map(|param| param.ident.to_token_stream());
    let read_inline = absent::reading(store, method, read, "read_inline");
    let load = absent::loaded(store, read, forward::loaded(store, method, &quote!(#backing), arguments));
    let load = revalidate::load(store, method, read, &quote!(#backing), load);
    let revalidating = revalidate::options(read, &options);
    let options = if revalidating.is_some() { local("options").to_token_stream() } else { options };
    let answered = absent::answered(
        store,
        method,
        read,
        quote! {
            #this.#region.#read_inline(#key, #answer, #options, {
                #(#copies)*
                move || async move { #load }
            }).await
        },
    );
    quote! {
        let #key = #this.#region.key(#lookup);
        let #backing = &#this.__backing;
        #revalidating
        #answered
    }
}

/// The function behind the miss, shared by the decorator and its implementation of the trait.
pub(super) fn hidden(store: &Store, method: &Method, read: &Read) -> TokenStream {
    let (key, answer, options_name) = (local("key"), local("answer"), local("options"));
    let (arguments, backing) = (local("arguments"), local("backing"));
    let (region, cfgs, lints) = (&method.ident, &method.cfgs, &method.lints);
    let output = absent::output(store, method, read);
    let (function, key_type) = (derived("__read_", &method.ident), types::key(store, method, read));
    let is_filtered = read.options.visible_if.is_some();
    let (local_read, value) = (runtime(store, "LocalRead"), types::value(store, method, read));
    let options_param = is_filtered.then(|| {
        let (read_options, error) = (runtime(store, "ReadOptions"), types::error(store, method, &read.returned));
        quote!(, #options_name: #read_options<'__call, #key_type, #value, #error>)
    });
    let options = if is_filtered { quote!(#options_name) } else { options(store, method, read, None) };
    let names: Vec<_> = method.params.iter().map(|param| &param.ident).collect();
    let owned = method.params.iter().map(Param::owned_type);
    let arguments_param = (!names.is_empty()).then(|| quote!(, #arguments: (#(#owned,)*)));
    let unpack = (!names.is_empty()).then(|| quote!(let (#(#names,)*) = #arguments;));
    let call = method.params.iter().map(Param::for_store);
    let load = absent::loaded(store, read, forward::loaded(store, method, &quote!(&#backing), call));
    let load = revalidate::load(store, method, read, &quote!(&#backing), load);
    let revalidating = revalidate::options(read, &options);
    let options = if revalidating.is_some() { quote!(#options_name) } else { options };
    let read_value = absent::reading(store, method, read, "read");
    quote! {
        #(#cfgs)* #(#lints)*
        fn #function<'__call>(
            &'__call self, #key: #key_type, #answer: #local_read<#value> #options_param #arguments_param
        ) -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = #output> + ::core::marker::Send + '__call>> {
            let #backing = ::core::clone::Clone::clone(&self.__backing);
            #unpack
            #revalidating
            self.#region.#read_value(#key, #answer, #options, move || async move { #load })
        }
    }
}

/// The options with which the runtime serves a miss.
fn options(store: &Store, method: &Method, read: &Read, visible_if: Option<&ExprPath>) -> TokenStream {
    let (read_options, load_errors, error) =
        (runtime(store, "ReadOptions"), runtime(store, "load_errors"), types::error(store, method, &read.returned));
    let visible = visible_if.map(|path| {
        let visible = visible_with_key(method, read, path);
        quote!(.visible_if(#visible))
    });
    let cache_if = read.options.cache_if.as_ref().map(|path| {
        let predicate = cache_if(read, path);
        quote!(.cache_if(#predicate))
    });
    // The types are explicit; otherwise the closures would determine them.
    let (key, value) = (types::key(store, method, read), types::value(store, method, read));
    let outages = outages(store, method, read, &error);
    quote!(#read_options::<#key, #value, #error>::new(#load_errors!(#error) #outages) #visible #cache_if)
}

/// The call that requires of an error type to say what an outage is, if an expired value answers then.
pub(super) fn outages(store: &Store, method: &Method, read: &Read, error: &TokenStream) -> Option<TokenStream> {
    read.options.setting(cached::STALE_IF_ERROR.row.name)?;
    let load_error = runtime(store, "LoadError");
    let is_outage = at(method.output.span(), quote!(<#error as #load_error>::is_outage));
    Some(quote!(.outages(::core::option::Option::Some(#is_outage))))
}

/// The same, also with the key of the value, which it does not need.
pub(super) fn visible_with_key(method: &Method, read: &Read, path: &ExprPath) -> TokenStream {
    let (value, answer) = is_visible(method, read, path);
    quote!(|_, #value| #answer)
}

/// The call of `visible_if` for a value.
///
/// An absence is never served from the cache: the value may exist for another reader.
pub(super) fn visible(method: &Method, read: &Read, path: &ExprPath) -> TokenStream {
    let (value, answer) = is_visible(method, read, path);
    quote!(|#value| #answer)
}

/// The same as the name of the value and an expression.
fn is_visible(method: &Method, read: &Read, path: &ExprPath) -> (Ident, TokenStream) {
    let value = local_at("value", path.span());
    let params = method.params.iter().map(|param| &param.ident);
    let answer = for_value(read, &value, &quote!(#path(#value #(, &#params)*)), &quote!(false));
    (value, answer)
}

/// The call of `cache_if` for a value. `negative_ttl` decides for an absence.
pub(super) fn cache_if(read: &Read, path: &ExprPath) -> TokenStream {
    let value = local_at("value", path.span());
    let answer = for_value(read, &value, &quote!(#path(#value)), &quote!(true));
    quote!(|#value| #answer)
}

/// The call that sets how long a value lives by itself. An absence has no life of its own.
pub(super) fn life(read: &Read) -> Option<TokenStream> {
    let (setter, path) = match read.options.life.as_ref()? {
        Life::For(path) => (quote!(ttl_from), path),
        Life::Until(path) => (quote!(expires_at), path),
    };
    let value = local_at("value", path.span());
    // The compiler reports a function of another type at its name.
    let some = at(path.span(), quote!(::core::option::Option::Some(#path(#value))));
    let answer = for_value(read, &value, &some, &quote!(::core::option::Option::None));
    Some(quote!(.#setter(|#value| #answer)))
}

/// The call that sets how a value is weighed. An absence is not weighed.
pub(super) fn weigh(read: &Read) -> Option<TokenStream> {
    let path = read.options.weigh.as_ref()?;
    let value = local_at("value", path.span());
    // The compiler reports another type at the path.
    let weight = at(path.span(), for_value(read, &value, &quote!(#path(#value)), &quote!(0)));
    Some(quote!(.weigh(|#value| #weight)))
}

/// The answer of `call` for a value, and `absent` for an absence.
pub(super) fn for_value(read: &Read, value: &Ident, call: &TokenStream, absent: &TokenStream) -> TokenStream {
    if !read.optional {
        return call.clone();
    }
    quote! {
        match #value {
            ::core::option::Option::Some(#value) => #call,
            ::core::option::Option::None => #absent,
        }
    }
}
