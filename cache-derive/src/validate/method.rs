//! One method: its declared effect on the cache, and whether its signature allows that.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, CapturedParam, GenericArgument, Lifetime, Meta, PathArguments, PreciseCapture, ReturnType, Type,
    TypeParamBound, parse_quote,
};

use super::receiver::{Receiving, receiving};
use super::self_type::{SelfType, mentions};
use super::write::Readers;
use super::{batch, captures, over, read, signature, write};
use crate::diag::{Problem, Sink};
use crate::model::{Behaviour, Captures, Exclusive, Form, KeyForm, Method, Param, Reach, Read};
use crate::options::AttributeName;
use crate::parse::{BoxedFuture, CacheAttribute, MethodSyntax, OptionSyntax, Output, Style, Target};

/// The properties of the trait that the checks of a method depend on.
#[derive(Clone, Copy)]
pub(super) struct TraitFacts {
    /// Whether `#[async_trait]` boxes the futures of its methods.
    pub(super) boxed: bool,
    /// Whether it is the mirror of a foreign trait.
    pub(super) is_mirror: bool,
    /// How `&mut self` methods reach the store.
    pub(super) exclusive: Option<Exclusive>,
}

/// A method with a checked signature, and the checks left against other methods.
pub(super) struct Draft<'a> {
    /// The method; `None` if it is reported, or keeps its default body.
    pub(super) method: Option<Method>,
    /// Its references to other methods.
    references: References<'a>,
    /// As written.
    pub(super) syntax: &'a MethodSyntax,
}

/// The references of a method to other methods.
enum References<'a> {
    Nothing,
    Writes(AttributeName, &'a [Target], &'a [OptionSyntax]),
    Batch(&'a [OptionSyntax]),
}

/// Checks a method by itself.
pub(super) fn draft<'a>(
    syntax: &'a MethodSyntax,
    facts: TraitFacts,
    self_type: &mut SelfType,
    sink: &mut Sink,
) -> Draft<'a> {
    let before = sink.count();
    attributes_in_cfg_attr(syntax, sink);
    no_unsafe(syntax, sink);
    no_misspelt(syntax, sink);
    if let Some(attribute) = syntax.over() {
        over::check(syntax, attribute, facts.is_mirror, sink);
        return Draft { method: None, references: References::Nothing, syntax };
    }
    let cache_attribute = cache_attribute(syntax, sink);
    let references = match cache_attribute {
        Some(CacheAttribute::Batch(_, options)) => References::Batch(options),
        other => other
            .and_then(|attribute| Some((attribute.name(), attribute.write()?)))
            .map_or(References::Nothing, |(name, (targets, options))| References::Writes(name, targets, options)),
    };
    let method = model(syntax, cache_attribute, facts, self_type, sink).filter(|_| sink.count() == before);
    Draft { method, references, syntax }
}

impl<'a> Draft<'a> {
    /// Whether the method is annotated as a cached one, right or wrong.
    pub(super) fn is_cached(&self) -> bool {
        is_cached(self.syntax)
    }

    /// The model of the cached method, if it is one without mistakes.
    pub(super) fn read(&self) -> Option<&Read> {
        self.method.as_ref()?.read()
    }

    /// The batch method, and its method over one key, as written.
    pub(super) fn batched(&self) -> Option<(&'a Ident, String)> {
        let References::Batch(options) = self.references else { return None };
        Some((&self.syntax.sig.ident, batch::named(options)?))
    }

    /// Its effect on the cache, if that depends on the read methods of the trait.
    pub(super) fn behaviour(
        &self,
        readers: &Readers<'_>,
        self_type: &mut SelfType,
        sink: &mut Sink,
    ) -> Option<Behaviour> {
        let sig = &self.syntax.sig;
        match self.references {
            References::Nothing => None,
            References::Writes(name, targets, options) => {
                let output = self.method.as_ref().map_or_else(|| output(self.syntax), |method| method.output.clone());
                let params = self.method.as_ref().map_or(&[][..], |method| &method.params);
                let call = write::Call { name, sig, output: &output, params };
                Some(Behaviour::Invalidates(write::write(&call, targets, options, readers, self_type, sink)))
            }
            References::Batch(options) => {
                let Method { output, params, .. } = self.method.as_ref()?;
                batch::batch(sig, output, params, options, readers, sink).map(Behaviour::Batch)
            }
        }
    }
}

fn model(
    syntax: &MethodSyntax,
    cache_attribute: Option<&CacheAttribute>,
    facts: TraitFacts,
    self_type: &mut SelfType,
    sink: &mut Sink,
) -> Option<Method> {
    let form = form(syntax, facts);
    if keeps_default_body(syntax, form, sink) {
        return None;
    }
    let receiving = sink.accept(receiving(&syntax.sig, form != Form::Sync, facts.exclusive))?;
    let mut params = signature::params(&syntax.sig, self_type, sink);
    if cache_attribute.is_none_or(|attribute| attribute.write().is_none()) {
        signature::without_underscores(&mut params);
    }
    let mut output = output(syntax);
    self_type.visit_type_mut(&mut output);
    let opaque = match syntax.style() {
        Style::ImplFuture(opaque, _) => Some(opaque),
        _ => None,
    };
    let passes_on = matches!(cache_attribute, None | Some(CacheAttribute::Uncached(_)));
    let captures = if passes_on && receiving.reach == Reach::Shared {
        Captures::default()
    } else {
        future_captures(syntax, &receiving, &params, sink)
    };
    let behaviour = match cache_attribute {
        Some(CacheAttribute::Cached(attribute, options)) => {
            let facts = read::Method { sig: &syntax.sig, output: &output, opaque, params: &params };
            Behaviour::Cached(Box::new(read::read(&facts, attribute, options, self_type, sink)?))
        }
        Some(CacheAttribute::Batch(..)) => {
            read::callable(&read::Method { sig: &syntax.sig, output: &output, opaque, params: &params }, sink)?;
            Behaviour::Uncached
        }
        _ => Behaviour::Uncached,
    };
    if let Behaviour::Cached(read) = &behaviour {
        read.displayed.iter().for_each(|place| params[*place].part = KeyForm::Display);
    }
    let (mut generics, mut declared) = (syntax.sig.generics.clone(), syntax.sig.output.clone());
    self_type.visit_generics_mut(&mut generics);
    self_type.visit_return_type_mut(&mut declared);
    let (cfgs, docs, lints, notes) = attributes(&syntax.attrs);
    let ident = syntax.sig.ident.clone();
    let Receiving { declared: receiver, shared, reach } = receiving;
    Some(Method {
        ident,
        cfgs,
        docs,
        lints,
        notes,
        generics,
        receiver,
        shared,
        reach,
        params,
        declared,
        output,
        form,
        captures,
        is_probed: cache_attribute.is_none() && matches!(syntax.style(), Style::Unnamed(_)),
        behaviour,
    })
}

/// The captures of the future, if its type is explicit.
fn future_captures(syntax: &MethodSyntax, receiving: &Receiving, params: &[Param], sink: &mut Sink) -> Captures {
    let Some(receiver) = &receiving.declared else { return Captures::default() };
    match syntax.style() {
        Style::Boxed(boxed) => {
            let lifetimes: Vec<_> = boxed.lifetime.into_iter().collect();
            let captures = captures::captures(&syntax.sig, receiver, &lifetimes, params, sink);
            Captures { boxing: boxed.form, ..captures }
        }
        Style::ImplFuture(opaque, _) => {
            let lifetimes = opaque.bounds.iter().find_map(|bound| match bound {
                TypeParamBound::Lifetime(lifetime) => Some(vec![lifetime]),
                TypeParamBound::PreciseCapture(captured) => Some(captured_lifetimes(captured)),
                _ => None,
            });
            lifetimes.map_or_else(Captures::default, |lifetimes| {
                captures::captures(&syntax.sig, receiver, &lifetimes, params, sink)
            })
        }
        _ => Captures::default(),
    }
}

fn captured_lifetimes(captured: &PreciseCapture) -> Vec<&Lifetime> {
    captured
        .params
        .iter()
        .filter_map(|param| match param {
            CapturedParam::Lifetime(lifetime) => Some(lifetime),
            _ => None,
        })
        .collect()
}

fn form(syntax: &MethodSyntax, facts: TraitFacts) -> Form {
    match syntax.style() {
        Style::Sync | Style::Unknown(_) | Style::Unnamed(_) => Form::Sync,
        Style::Boxed(_) => Form::Future,
        Style::AsyncFn if facts.boxed || facts.is_mirror => Form::Async,
        Style::AsyncFn => Form::Native,
        Style::ImplFuture(..) => Form::Opaque,
    }
}

/// The type of the result for the caller.
fn output(syntax: &MethodSyntax) -> Type {
    let caches = syntax
        .cache_attributes
        .iter()
        .any(|cache_attribute| matches!(cache_attribute, CacheAttribute::Cached(..) | CacheAttribute::Batch(..)));
    match (syntax.style(), &syntax.sig.output) {
        (Style::ImplFuture(_, output), _) => output.clone(),
        (Style::Boxed(boxed), _) => match boxed.output {
            Output::Written(output) => output.clone(),
            Output::Projected => projected(&boxed, caches),
        },
        (_, ReturnType::Type(_, ty)) => (**ty).clone(),
        (_, ReturnType::Default) => parse_quote!(()),
    }
}

/// The output of a future, as a projection that the compiler resolves.
///
/// A cached value borrows nothing, and its type is needed in places in which the lifetimes of the method have no names.
fn projected(future: &BoxedFuture<'_>, caches: bool) -> Type {
    let mut ty = future.ty.clone();
    if caches
        && let Type::Path(path) = &mut ty
        && let Some(segment) = path.path.segments.last_mut()
        && let PathArguments::AngleBracketed(arguments) = &mut segment.arguments
    {
        for argument in &mut arguments.args {
            if let GenericArgument::Lifetime(lifetime) = argument {
                *lifetime = Lifetime::new("'static", lifetime.span());
            }
        }
    }
    parse_quote!(<#ty as ::core::future::Future>::Output)
}

/// Whether the decorator leaves a method to its default body.
///
/// Such a method demands `Self: Sized`, which the decorator satisfies although its backing store may not.
fn keeps_default_body(syntax: &MethodSyntax, form: Form, sink: &mut Sink) -> bool {
    if !signature::requires_sized(&syntax.sig) {
        return false;
    }
    if syntax.body.is_none() || form != Form::Sync {
        sink.report(
            Problem::at(&syntax.sig.generics.where_clause, format!("`{}` demands `Self: Sized`", syntax.sig.ident))
                .why("the decorator forwards to its store, which may be a `dyn` one")
                .instead("a synchronous method with a default body, or a function outside of the trait, such as a constructor of the type"),
        );
    }
    true
}

fn cache_attribute<'a>(syntax: &'a MethodSyntax, sink: &mut Sink) -> Option<&'a CacheAttribute> {
    let style = syntax.style();
    let (is_sync, is_unnamed) = (matches!(style, Style::Sync), matches!(style, Style::Unnamed(_)));
    match syntax.cache_attributes.as_slice() {
        [] if is_sync || is_unnamed || !syntax.misspelt.is_empty() => None,
        [] if conditional_attributes(syntax).next().is_some() => None,
        [] => {
            sink.report(without_attribute(&syntax.sig.ident));
            None
        }
        [cache_attribute, ..] if is_sync => {
            sink.report(synchronous(cache_attribute, &syntax.sig.ident));
            None
        }
        [cache_attribute] => sink.accept(can_be_wrapped(syntax, cache_attribute)),
        [first, second, ..] => {
            sink.report(two_attributes(first, second, &syntax.sig.ident));
            None
        }
    }
}

/// Checks that the decorator can return such a future itself.
///
/// `#[uncached]` passes on the future of the store.
fn can_be_wrapped<'a>(
    syntax: &MethodSyntax,
    cache_attribute: &'a CacheAttribute,
) -> Result<&'a CacheAttribute, Problem> {
    match (cache_attribute, syntax.style()) {
        (CacheAttribute::Uncached(_), _) => Ok(cache_attribute),
        (_, Style::Boxed(boxed)) if !boxed.is_send => Err(not_send(syntax, cache_attribute, &boxed)),
        (_, Style::Unknown(ty) | Style::Unnamed(ty)) => Err(Problem::at(
            ty,
            format!("the decorator cannot make the future that `{}` returns", syntax.sig.ident),
        )
        .why(format!("`#[{}]` wraps the store's future in one of its own, which has to be of this very type", cache_attribute.name()))
        .instead("`async fn`, `Pin<Box<dyn Future<Output = ..> + Send + '_>>`, `BoxFuture<'_, ..>`, `impl Future<Output = ..> + Send`, or `#[uncached]`")),
        _ => Ok(cache_attribute),
    }
}

fn not_send(syntax: &MethodSyntax, cache_attribute: &CacheAttribute, boxed: &BoxedFuture<'_>) -> Problem {
    Problem::at(boxed.ty, format!("the future of `{}` is not `Send`", syntax.sig.ident))
        .why(format!(
            "`#[{}]` continues the work around the store's call in tasks of its own, on any thread",
            cache_attribute.name()
        ))
        .instead("`Pin<Box<dyn Future<Output = ..> + Send + '_>>` or `BoxFuture<'_, ..>`, or `#[uncached]`")
}

fn path_text(attribute: &Attribute) -> String {
    attribute.path().get_ident().map(ToString::to_string).unwrap_or_default()
}

fn without_attribute(name: &Ident) -> Problem {
    Problem::at(name, format!("the async method `{}` has no attribute for its effect on the cache", name.unraw()))
        .why("a write without one would leave old values in the cache")
        .instead("one of `#[cached(..)]`, `#[invalidates(..)]`, `#[updates(..)]` and `#[uncached]`")
}

fn two_attributes(first: &CacheAttribute, second: &CacheAttribute, name: &Ident) -> Problem {
    let (first, attribute) = (first.name(), second.attribute());
    let second = second.name();
    let problem = Problem::at(attribute, format!("`{name}` carries both `#[{first}]` and `#[{second}]`"))
        .why("a method does one thing to the cache");
    match (first, second) {
        (AttributeName::Invalidates, AttributeName::Invalidates) => {
            problem.instead("one `#[invalidates(get_a(..), get_b(..))]` with all of them")
        }
        (AttributeName::Invalidates | AttributeName::Updates, AttributeName::Invalidates | AttributeName::Updates) => {
            problem.instead("one `#[updates(get_a(..) = value, get_b(..))]` with all of them")
        }
        _ => problem.instead("one of the two"),
    }
}

fn synchronous(cache_attribute: &CacheAttribute, name: &Ident) -> Problem {
    let kind = cache_attribute.name();
    let problem =
        Problem::at(cache_attribute.attribute(), format!("`#[{kind}]` stands on `{name}`, which is not async"));
    match cache_attribute {
        CacheAttribute::Uncached(_) => {
            problem.why("synchronous methods always go to the store").instead("leave the attribute out")
        }
        _ => problem
            .why("the shared tier is queried over the network, which a synchronous method cannot wait for")
            .instead("`async fn`, `-> impl Future<Output = ..> + Send`, or a boxed future"),
    }
}

/// Reports attributes of this crate inside `cfg_attr`, which a macro cannot evaluate.
fn attributes_in_cfg_attr(syntax: &MethodSyntax, sink: &mut Sink) {
    for (attribute, name) in conditional_attributes(syntax) {
        sink.report(
            Problem::at(attribute, format!("`#[{name}]` inside `cfg_attr` has no effect"))
                .why("the condition is decided after the decorator has been generated")
                .instead(format!("two methods with `#[cfg(..)]`, one of them with `#[{name}]`")),
        );
    }
}

/// The attributes of this crate inside `cfg_attr`.
fn conditional_attributes(syntax: &MethodSyntax) -> impl Iterator<Item = (&Attribute, AttributeName)> {
    let conditional = syntax.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg_attr"));
    let lists = conditional.filter_map(|attribute| Some((attribute, attribute.meta.require_list().ok()?)));
    lists.flat_map(|(attribute, list)| {
        let known = AttributeName::OF_METHODS.into_iter();
        known.filter(|name| mentions(&list.tokens, name.text())).map(move |name| (attribute, name))
    })
}

/// Whether the method is annotated as a cached one, right or wrong.
pub(super) fn is_cached(syntax: &MethodSyntax) -> bool {
    syntax.cache_attributes.iter().any(|cache_attribute| matches!(cache_attribute, CacheAttribute::Cached(..)))
        || conditional_attributes(syntax).any(|(_, name)| name == AttributeName::Cached)
}

/// Whether the method is annotated as an invalidating one.
pub(super) fn invalidates(syntax: &MethodSyntax) -> bool {
    syntax.cache_attributes.iter().any(|cache_attribute| cache_attribute.write().is_some())
}

fn no_misspelt(syntax: &MethodSyntax, sink: &mut Sink) {
    for (attribute, meant) in &syntax.misspelt {
        sink.report(
            Problem::at(attribute.path(), format!("`#[{}]` is not known here", path_text(attribute)))
                .instead(format!("did you mean `#[{meant}]`?")),
        );
    }
}

fn no_unsafe(syntax: &MethodSyntax, sink: &mut Sink) {
    if let syn::Safety::Unsafe(token) = &syntax.sig.safety {
        sink.report(
            Problem::at(token, format!("`{}` is an unsafe method", syntax.sig.ident))
                .why("the decorator cannot promise for its callers what the method demands")
                .instead("a safe method"),
        );
    }
}

type Attributes = (Vec<Attribute>, Vec<Attribute>, Vec<Attribute>, Vec<Attribute>);

/// The attributes that generated code repeats: `cfg`, documentation, lint levels, and notes to callers.
fn attributes(attrs: &[Attribute]) -> Attributes {
    let of = |names: &[&str]| -> Vec<Attribute> {
        attrs.iter().filter(|attribute| names.iter().any(|name| attribute.path().is_ident(name))).cloned().collect()
    };
    let mut lints = lints(attrs);
    let notes = of(&["deprecated", "must_use"]);
    if notes.iter().any(|note| note.path().is_ident("deprecated")) {
        lints.push(parse_quote!(#[allow(deprecated, reason = "the decorator has every method of its trait")]));
    }
    (of(&["cfg"]), of(&["doc"]), lints, notes)
}

/// The lints that are allowed or expected here, as allowed ones.
///
/// An expectation may be unfulfilled in generated code.
pub(super) fn lints(attrs: &[Attribute]) -> Vec<Attribute> {
    let lists = attrs.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => Some(&list.tokens),
        _ => None,
    });
    lists.map(|tokens| parse_quote!(#[allow(#tokens)])).collect()
}
