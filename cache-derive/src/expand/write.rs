//! The body of an invalidating method.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident};

use super::generics::turbofish;
use super::names::{derived, local, prefix_scope, runtime, self_of};
use crate::model::{Argument, Behaviour, Extent, Invalidation, Method, Store, Write};

/// The body.
pub(super) fn body(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let returned = local("returned");
    let call = call(store, method, write);
    let (begin, finish) = around(store, method, write);
    quote! {
        #begin
        let #returned = #call.await;
        #finish
        #returned
    }
}

/// The lint that the references to the user's expressions may meet.
pub(super) fn allow(behaviour: &Behaviour) -> Option<TokenStream> {
    matches!(behaviour, Behaviour::Invalidates(_)).then(|| {
        quote!(#[allow(clippy::needless_borrow, reason = "an argument of `invalidates` may be a reference already")])
    })
}

fn call(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (this, of_backing, name, turbofish) =
        (self_of(method), store.of_backing(), &method.ident, turbofish(&method.generics));
    let arguments = method.params.iter().enumerate().map(|(place, param)| {
        let name = &param.ident;
        if write.kept.contains(&place) { quote!(::core::clone::Clone::clone(&#name)) } else { quote!(#name) }
    });
    quote!(#of_backing::#name #turbofish (&#this.__backing #(, #arguments)*))
}

/// The announcement before the call, and its end after it.
fn around(store: &Store, method: &Method, write: &Write) -> (TokenStream, TokenStream) {
    if write.before.is_empty() && write.after.is_empty() {
        return (quote!(), quote!());
    }
    let (scopes, methods, announced) = (local("scopes"), local("methods"), local("write"));
    let (outcome, returned) = (local("outcome"), local("returned"));
    let (guard, write_outcome, this) = (runtime(store, "WriteGuard"), runtime(store, "write_outcome"), self_of(method));
    let (list, pending, found) =
        (scopes_of(store, &this, &write.before), methods_of(store, &this, &write.after), found(store, method, write));
    let begin = quote! {
        let #scopes = #list;
        let #methods = #pending;
        let #announced = #guard::begin(&#this.__cache, #scopes, #methods).await;
    };
    let finish = quote! {
        let #outcome = #write_outcome!(&#returned);
        let #scopes = #found;
        #announced.finish(#outcome, #scopes).await;
    };
    (begin, finish)
}

/// The methods of which the result names entries, each once.
fn methods_of(store: &Store, this: &Ident, invalidations: &[Invalidation]) -> TokenStream {
    let mut named: Vec<String> = Vec::new();
    let methods = invalidations.iter().filter_map(|Invalidation { read, cfgs, .. }| {
        let name = quote!(#(#cfgs)* #read).to_string();
        (!named.contains(&name)).then(|| {
            named.push(name);
            quote!(#(#cfgs)* #this.#read.scope_prefix(&()))
        })
    });
    let (methods, scope) = (methods.collect::<Vec<_>>(), runtime(store, "Scope"));
    quote!(::std::vec::Vec::<#scope>::from([#(#methods),*]))
}

/// What takes the result to know: only after a call that succeeded.
fn found(store: &Store, method: &Method, write: &Write) -> TokenStream {
    if write.after.is_empty() {
        return quote!(::std::vec::Vec::new());
    }
    let (returned, this) = (local("returned"), self_of(method));
    let result = Ident::new("result", proc_macro2::Span::call_site());
    let list = scopes_of(store, &this, &write.after);
    if write.fallible {
        let fallible = runtime(store, "Fallible");
        quote! {
            match #fallible::ok(&#returned) {
                ::core::option::Option::Some(#result) => #list,
                ::core::option::Option::None => ::std::vec::Vec::new(),
            }
        }
    } else {
        quote!({ let #result = &#returned; #list })
    }
}

/// The scopes in a list. Its type is said because `cfg` may leave nothing in it.
fn scopes_of(store: &Store, this: &Ident, invalidations: &[Invalidation]) -> TokenStream {
    let stale = invalidations.iter().map(|invalidation| scope(this, invalidation));
    let scope = runtime(store, "Scope");
    quote!(::std::vec::Vec::<#scope>::from([#(#stale),*]))
}

fn scope(this: &Ident, invalidation: &Invalidation) -> TokenStream {
    let Invalidation { read, cfgs, extent } = invalidation;
    match extent {
        Extent::Entry(args) => {
            let function = derived("__scope_", read);
            let args = args.iter().map(argument);
            quote!(#(#cfgs)* #this.#function(#(#args),*))
        }
        Extent::Prefix(args) if args.is_empty() => quote!(#(#cfgs)* #this.#read.scope_prefix(&())),
        Extent::Prefix(args) => {
            let function = prefix_scope(read, args.len());
            let args = args.iter().map(argument);
            quote!(#(#cfgs)* #this.#function(#(#args),*))
        }
    }
}

/// The user's expression behind a reference that has its place, so that a wrong type is reported there.
fn argument(argument: &Argument) -> TokenStream {
    let expression = &argument.expression;
    if argument.by_value {
        return quote!(#expression);
    }
    let span = expression.span();
    if binds_tightly(expression) { quote_spanned!(span=> &#expression) } else { quote_spanned!(span=> &(#expression)) }
}

fn binds_tightly(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Path(_)
            | Expr::Field(_)
            | Expr::MethodCall(_)
            | Expr::Call(_)
            | Expr::Index(_)
            | Expr::Lit(_)
            | Expr::Paren(_)
    )
}
