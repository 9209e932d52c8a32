//! `revalidate`: a load that returns the old value if the store still has its version.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;

use super::names::{at, local, runtime};
use super::{forward, read, types};
use crate::model::{Method, Passing, Read, Store};

/// The options of a read, and the old value that its load may compare; nothing for a method without the option.
pub(super) fn options(read: &Read, options: &TokenStream) -> Option<TokenStream> {
    read.options.revalidate.as_ref()?;
    let (name, previous) = (local("options"), local("previous"));
    Some(quote!(let (#name, #previous) = #options.revalidating();))
}

/// The load, behind the comparison of versions.
pub(super) fn load(
    store: &Store,
    method: &Method,
    read: &Read,
    backing: &TokenStream,
    load: TokenStream,
) -> TokenStream {
    let Some((name, version_of)) = &read.options.revalidate else { return load };
    let (previous, value, old, answer) = (local("previous"), local("value"), local("old"), local("version"));
    let arguments = read.key.iter().map(|place| {
        let (param, ident) = (&method.params[*place], &method.params[*place].ident);
        match param.passing {
            Passing::Owned => quote!(::core::clone::Clone::clone(&#ident)),
            Passing::Borrowed(_) | Passing::OptionalBorrowed(_) => param.for_store(),
        }
    });
    let version = if let Some(version) = store.methods.iter().find(|other| other.ident == *name) {
        forward::awaited_with(store, version, backing, arguments)
    } else {
        // The compiler reports a method that the trait does not have.
        quote!(#backing.#name(#(#arguments),*).await)
    };
    let is = runtime(store, "VersionAnswer");
    // The compiler reports a version of another type at the function.
    let is_this = at(version_of.span(), quote!(#is::is(&#answer, &#version_of(#value))));
    let compared = quote!({
        let #answer = #version;
        #is_this
    });
    let (is_current, compared) = (local("is_current"), read::for_value(read, &value, &compared, &quote!(false)));
    let returned = if read.options.absent.is_some() {
        quote!(::core::result::Result::Ok(#old))
    } else {
        types::of_value(store, method, &read.returned, &quote!(#old))
    };
    quote! {
        let #old = #previous.take();
        let #is_current = match &#old {
            ::core::option::Option::Some(#value) => #compared,
            ::core::option::Option::None => false,
        };
        match #old {
            ::core::option::Option::Some(#old) if #is_current => {
                #previous.confirm();
                #returned
            }
            _ => #load,
        }
    }
}
