//! The body of an invalidating method.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Expr, Ident};

use super::forward;
use super::names::{at, derived, local, prefix_scope, runtime, self_of};
use crate::model::{
    Argument, Behaviour, Commits, Extent, Invalidation, Lending, Method, Part, Passing, Reevaluation, ResultValue,
    Store, Write,
};

/// The body, which calls the store and evaluates the user's expressions again after it.
///
/// All of this happens while the guard is alive. The caller receives the store's answer even if an expression panics
/// after the call: then its method is invalidated as a whole.
pub(super) fn body(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (guard, returned, outcome, found) = (local("write"), local("returned"), local("outcome"), local("found"));
    let (begin, call, write_outcome) =
        (begin(store, method, write), call(store, method, write), runtime(store, "write_outcome"));
    let mutable = write.lent.iter().filter(|(_, lending)| *lending != Lending::Reference).map(|(place, _)| {
        let name = &method.params[*place].ident;
        quote!(let mut #name = #name;)
    });
    let parts = write.before.iter().flat_map(|target| {
        let cfgs = &target.cfgs;
        let parts = target.extent.arguments().iter().filter_map(|argument| Some((argument, argument.part.as_ref()?)));
        parts.map(move |(argument, part)| {
            let part = kept(argument, part);
            quote!(#(#cfgs)* #part)
        })
    });
    let list = late_scopes(store, method, write);
    let final_outcome = final_outcome(store, write, &outcome);
    quote! {
        #(#mutable)*
        #(#parts)*
        #begin
        let #returned = #call;
        let #outcome = #write_outcome!(&#returned);
        let #found = #list;
        #guard.finish(#final_outcome, #found).await;
        #returned
    }
}

/// The body of `begin_x`: everything up to the call.
pub(super) fn begin_body(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (guard, this) = (runtime(store, "WriteGuard"), self_of(method));
    let (scopes, methods) = (local("scopes"), local("methods"));
    let (list, registered) = (scopes_of(store, &this, &write.before, Pass::Begin), methods_of(store, &this, write));
    // Temporaries of an expression, such as the guard of a mutex, end before the await.
    quote! {
        let #scopes = #list;
        let #methods = #registered;
        #guard::begin(&#this.__cache, #scopes, #methods).await
    }
}

/// The lint that references to the user's expressions may trigger.
pub(super) fn allow(behaviour: &Behaviour) -> Option<TokenStream> {
    matches!(behaviour, Behaviour::Invalidates(_)).then(|| {
        quote!(#[allow(clippy::needless_borrow, reason = "an argument of `invalidates` may be a reference already")])
    })
}

/// The write lock before the call.
fn begin(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (guard, scopes, methods) = (local("write"), local("scopes"), local("methods"));
    let (write_guard, this) = (runtime(store, "WriteGuard"), self_of(method));
    let (list, registered) = (scopes_of(store, &this, &write.before, Pass::Before), methods_of(store, &this, write));
    quote! {
        let #scopes = #list;
        let #methods = #registered;
        let #guard = #write_guard::begin(&#this.__cache, #scopes, #methods).await;
    }
}

/// The awaited call of the store.
fn call(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let this = self_of(method);
    let arguments = method.params.iter().enumerate().map(|(place, param)| {
        let name = &param.ident;
        let lending = write.lent.iter().find(|(lent, _)| *lent == place).map(|(_, lending)| *lending);
        match lending {
            Some(Lending::Reference) => quote!(&mut *#name),
            // Not `as_deref_mut`: only a coercion shortens the lifetime of a trait object.
            Some(Lending::Optional) => {
                let lent = local("lent");
                quote! {
                    match &mut #name {
                        ::core::option::Option::Some(#lent) => ::core::option::Option::Some(&mut **#lent),
                        ::core::option::Option::None => ::core::option::Option::None,
                    }
                }
            }
            Some(Lending::Pinned) => quote!(::core::pin::Pin::as_mut(&mut #name)),
            None if write.kept.contains(&place) => {
                let kept = runtime(store, "kept");
                at(param.ty.span(), quote!(#kept(&#name)))
            }
            None => quote!(#name),
        }
    });
    forward::awaited_with(store, method, &quote!(&#this.__backing), arguments)
}

/// The outcome with which the guard finishes.
///
/// If the caller commits, only a refusal is a known outcome.
fn final_outcome(store: &Store, write: &Write, outcome: &Ident) -> TokenStream {
    let outcomes = runtime(store, "WriteOutcome");
    match write.commits {
        Commits::Store => quote!(#outcome),
        Commits::Caller => quote! {
            if #outcome == #outcomes::NotWritten { #outcomes::NotWritten } else { #outcomes::Unknown }
        },
    }
}

/// The methods whose stale entries are known only after the call, each once.
fn methods_of(store: &Store, this: &Ident, write: &Write) -> TokenStream {
    let changed = write
        .before
        .iter()
        .filter(|target| matches!(target.reevaluation, Reevaluation::Registered | Reevaluation::Whole));
    let mut named: Vec<String> = Vec::new();
    let methods = write.after.iter().chain(changed).filter_map(|target| {
        let whole = whole(this, target);
        let name = whole.to_string();
        (!named.contains(&name)).then(|| {
            named.push(name);
            whole
        })
    });
    let (methods, scope) = (methods.collect::<Vec<_>>(), runtime(store, "Scope"));
    quote!(::std::vec::Vec::<#scope>::from([#(#methods),*]))
}

fn whole(this: &Ident, target: &Invalidation) -> TokenStream {
    let (cfgs, scope) = (&target.cfgs, whole_scope(this, target));
    quote!(#(#cfgs)* #scope)
}

fn whole_scope(this: &Ident, target: &Invalidation) -> TokenStream {
    let read = &target.read;
    quote!(#this.#read.scope_prefix(&()))
}

/// The scopes known only after the call; none if the call certainly did not write.
fn late_scopes(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let scope = runtime(store, "Scope");
    if !write.reevaluates() {
        return quote!(::std::vec::Vec::<#scope>::new());
    }
    let (outcome, outcomes, found, this) =
        (local("outcome"), runtime(store, "WriteOutcome"), local("found"), self_of(method));
    let changed: Vec<_> = write
        .before
        .iter()
        .filter_map(|target| match target.reevaluation {
            Reevaluation::Nothing => None,
            Reevaluation::Evaluated | Reevaluation::Registered => Some(self::scope(store, &this, target, Pass::After)),
            Reevaluation::Whole => Some(whole(&this, target)),
        })
        .collect();
    let named = (!write.after.is_empty()).then(|| named(store, method, write));
    let list = match (changed.is_empty(), named) {
        (true, Some(named)) => named,
        (_, None) => quote!(::std::vec::Vec::<#scope>::from([#(#changed),*])),
        (false, Some(named)) => quote!({
            let mut #found = ::std::vec::Vec::<#scope>::from([#(#changed),*]);
            #found.extend(#named);
            #found
        }),
    };
    quote!(if #outcome == #outcomes::NotWritten { ::std::vec::Vec::new() } else { #list })
}

/// The scopes that the result names; none if the call failed.
fn named(store: &Store, method: &Method, write: &Write) -> TokenStream {
    let (returned, this) = (local("returned"), self_of(method));
    let result = Ident::new("result", proc_macro2::Span::call_site());
    let list = scopes_of(store, &this, &write.after, Pass::Result);
    let taken = match write.result {
        ResultValue::Whole => return quote!({ let #result = &#returned; #list }),
        ResultValue::Ok => {
            let fallible = runtime(store, "Fallible");
            quote!(#fallible::ok(&#returned))
        }
        ResultValue::Probed => {
            let result_of = runtime(store, "result_of");
            quote!(#result_of!(&#returned))
        }
    };
    quote! {
        match #taken {
            ::core::option::Option::Some(#result) => #list,
            ::core::option::Option::None => ::std::vec::Vec::new(),
        }
    }
}

/// The scopes in a list, with an explicit type since `cfg` may leave the list empty.
fn scopes_of(store: &Store, this: &Ident, invalidations: &[Invalidation], pass: Pass) -> TokenStream {
    let stale = invalidations.iter().map(|invalidation| scope(store, this, invalidation, pass));
    let scope = runtime(store, "Scope");
    quote!(::std::vec::Vec::<#scope>::from([#(#stale),*]))
}

/// When the scopes of a list are evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// In `begin_x`, which makes no call.
    Begin,
    /// Before the call.
    Before,
    /// Once more after it.
    After,
    /// After it for the first time, with its result.
    Result,
}

fn scope(store: &Store, this: &Ident, invalidation: &Invalidation, pass: Pass) -> TokenStream {
    let (cfgs, scope) = (&invalidation.cfgs, bare_scope(this, invalidation, pass));
    if matches!(pass, Pass::Begin | Pass::Before) || invalidation.extent.arguments().is_empty() {
        return quote!(#(#cfgs)* #scope);
    }
    let whole = whole_scope(this, invalidation);
    if invalidation.extent.arguments().iter().any(|argument| awaits(&argument.expression)) {
        let or_whole = runtime(store, "scope_or_whole_async");
        return quote!(#(#cfgs)* #or_whole(async { #scope }, || #whole).await);
    }
    let or_whole = runtime(store, "scope_or_whole");
    quote!(#(#cfgs)* #or_whole(|| #scope, || #whole))
}

/// Whether an expression awaits something itself.
fn awaits(expression: &Expr) -> bool {
    struct Search(bool);
    impl Visit<'_> for Search {
        fn visit_expr_await(&mut self, _: &syn::ExprAwait) {
            self.0 = true;
        }
        fn visit_expr_async(&mut self, _: &syn::ExprAsync) {}
        fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
    }
    let mut search = Search(false);
    search.visit_expr(expression);
    search.0
}

fn bare_scope(this: &Ident, invalidation: &Invalidation, pass: Pass) -> TokenStream {
    let Invalidation { read, extent, .. } = invalidation;
    let use_parts = matches!(pass, Pass::Before | Pass::After);
    let args = extent.arguments().iter().map(|arg| match &arg.part {
        Some(part) if use_parts => view(part),
        _ => argument(arg),
    });
    match extent {
        Extent::Entry(_) => {
            let function = derived("__scope_", read);
            quote!(#this.#function(#(#args),*))
        }
        Extent::Prefix(parts) if parts.is_empty() => whole_scope(this, invalidation),
        Extent::Prefix(parts) => {
            let function = prefix_scope(read, parts.len());
            quote!(#this.#function(#(#args),*))
        }
    }
}

/// Computes an owned part of a key before the call consumes its parameter.
fn kept(written: &Argument, part: &Part) -> TokenStream {
    let (name, expression) = (local(&part.name), argument(written));
    match &part.passing {
        Passing::Owned => {
            let ty = &part.ty;
            quote!(let #name = <#ty as ::core::clone::Clone>::clone(#expression);)
        }
        Passing::Borrowed(target) => quote!(let #name = <#target as ::std::borrow::ToOwned>::to_owned(#expression);),
        Passing::OptionalBorrowed(target) => quote! {
            let #name = ::core::option::Option::<&#target>::map(#expression, <#target as ::std::borrow::ToOwned>::to_owned);
        },
    }
}

/// A kept part, in the form that the scope's function takes.
fn view(part: &Part) -> TokenStream {
    let name = local(&part.name);
    match &part.passing {
        Passing::Owned => quote!(&#name),
        Passing::Borrowed(target) => quote!(::core::borrow::Borrow::<#target>::borrow(&#name)),
        Passing::OptionalBorrowed(target) => {
            quote!(::core::option::Option::map(#name.as_ref(), ::core::borrow::Borrow::<#target>::borrow))
        }
    }
}

/// The user's expression behind a reference with its location.
///
/// So the compiler reports a wrong type there.
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
