//! The trait as a whole.

use std::collections::BTreeSet;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::visit_mut::VisitMut;
use syn::{Attribute, GenericParam, Ident, Meta, TraitItem, parse_quote};

use super::given::Given;
use super::method::{self, Draft, TraitFacts};
use super::self_type::{SelfType, mentions};
use super::supertraits::supertraits;
use super::write::{Reader, Readers};
use super::{mirror, names, tags};
use crate::diag::{Problem, Sink};
use crate::model::{Associated, Behaviour, Exclusive, Extent, FamilyName, Method, Setting, Store, Write};
use crate::options::{AttributeName, cached, cached_store};
use crate::parse::{CacheAttribute, ItemSyntax, StoreSyntax, Value};

/// The most lengths of a key and tags that are scopes of an entry.
///
/// The whole key and the whole entity do not count.
const MOST_PREFIXES: usize = 4;

/// Checks the trait and everything in it.
pub(crate) fn store(syntax: &StoreSyntax, sink: &mut Sink) -> Option<Store> {
    if let Some(problem) = below_async_trait(syntax) {
        sink.report(problem);
        return None;
    }
    whole_trait(syntax, sink);
    names::check(syntax, sink);
    let given = Given::check(&syntax.args.options, &cached_store::TABLE, sink);
    let namespace = namespace(&given, sink);
    let mode = given.value(&cached_store::MODE, sink);
    let krate = given.value(&cached_store::CRATE, sink).or_else(|| Some(parse_quote!(::cache_core)));
    let foreign = given.value(&cached_store::FOREIGN, sink);
    let exclusive = exclusive(&given, sink);
    let mut self_type = SelfType::of(&syntax.source);
    let facts = TraitFacts { boxed: syntax.async_trait().is_some(), is_mirror: syntax.is_mirror(), exclusive };
    let (mut methods, projects) = self_type.tracking_mentions(|self_type| methods(syntax, facts, self_type, sink));
    inherit(mode.as_ref(), &mut methods);
    let mut generics = syntax.generics.clone();
    let ((), bounded) = self_type.tracking_mentions(|self_type| self_type.visit_generics_mut(&mut generics));
    let name = syntax.ident.unraw();
    let families = families(&methods);
    Some(Store {
        krate: krate?,
        namespace: namespace?,
        vis: syntax.vis.clone(),
        ident: syntax.ident.clone(),
        mirror: foreign.map(|path| mirror::mirror(syntax, path, sink)),
        exclusive,
        supertraits: supertraits(syntax, exclusive),
        generics,
        projects: projects || bounded,
        cfgs: syntax.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect(),
        lints: method::lints(&syntax.attrs),
        async_trait: syntax.async_trait().cloned(),
        decorator: format_ident!("Caching{name}", span = syntax.ident.span()),
        builder: format_ident!("Caching{name}Builder", span = syntax.ident.span()),
        cached_only: format_ident!("Caching{name}CachedOnly", span = syntax.ident.span()),
        with_info: format_ident!("Caching{name}WithInfo", span = syntax.ident.span()),
        backing: self_type.ident,
        associated: associated(syntax, sink),
        families,
        methods,
    })
}

/// How `&mut self` methods reach the store. A reported option counts as given, so that its methods are not reported too.
fn exclusive(given: &Given<'_>, sink: &mut Sink) -> Option<Exclusive> {
    let exclusive = given.value(&cached_store::EXCLUSIVE, sink);
    exclusive.or_else(|| (!given.misses(&cached_store::EXCLUSIVE)).then_some(Exclusive::Clone))
}

fn namespace(given: &Given<'_>, sink: &mut Sink) -> Option<String> {
    if given.misses(&cached_store::NAMESPACE) {
        sink.report(
            Problem::at(
                Ident::new(AttributeName::CachedStore.text(), Span::call_site()),
                "`#[cached_store]` has no `namespace`",
            )
            .why("it stands in front of every key, and keeps the keys of one store apart from those of another")
            .instead("`#[cached_store(namespace = \"copilot:llm\")]`"),
        );
    }
    given.value(&cached_store::NAMESPACE, sink)
}

fn below_async_trait(syntax: &StoreSyntax) -> Option<Problem> {
    let boxed =
        |param: &GenericParam| matches!(param, GenericParam::Lifetime(param) if param.lifetime.ident == "async_trait");
    let method = syntax.methods().find(|method| method.sig.generics.params.iter().any(boxed))?;
    Some(
        Problem::at(&method.sig.ident, "`#[cached_store]` stands below `#[async_trait]`")
            .why("attributes work from top to bottom, and `#[async_trait]` has already turned the methods into boxed futures")
            .instead("`#[cached_store(..)]` above `#[async_trait]`"),
    )
}

fn whole_trait(syntax: &StoreSyntax, sink: &mut Sink) {
    if let Some(token) = &syntax.unsafety {
        sink.report(
            Problem::at(token, format!("`{}` is an unsafe trait", syntax.ident))
                .why("the decorator cannot promise what the trait demands of its implementors")
                .instead("a safe trait"),
        );
    }
    if let Some(attribute) = syntax.async_trait().filter(|attribute| is_not_send(attribute)) {
        sink.report(
            Problem::at(attribute, "`#[async_trait(?Send)]` futures cannot be cached")
                .why("a load runs in a task of its own, on any thread")
                .instead("`#[async_trait]`"),
        );
    }
    // A write may invalidate entries of another trait.
    if !syntax.methods().any(|method| method::is_cached(method) || method::invalidates(method)) {
        sink.report(
            Problem::at(&syntax.ident, format!("no method of `{}` is cached, and none invalidates", syntax.ident))
                .why("its decorator would do nothing")
                .instead("`#[cached(..)]` on a read method, or leave `#[cached_store]` out"),
        );
    }
}

fn is_not_send(attribute: &Attribute) -> bool {
    matches!(&attribute.meta, Meta::List(list) if mentions(&list.tokens, "Send"))
}

fn methods(syntax: &StoreSyntax, facts: TraitFacts, self_type: &mut SelfType, sink: &mut Sink) -> Vec<Method> {
    let drafts: Vec<Draft<'_>> = syntax.methods().map(|method| method::draft(method, facts, self_type, sink)).collect();
    lifetimes_need_inline(syntax, &drafts, sink);
    unique_entities(&drafts, sink);
    let readers = readers(&drafts);
    tags::equal_lengths(&readers.tags, sink);
    let behaviours: Vec<_> = drafts.iter().map(|draft| draft.behaviour(&readers, self_type, sink)).collect();
    let mut methods = Vec::new();
    for (draft, behaviour) in drafts.into_iter().zip(behaviours) {
        if let Some(mut method) = draft.method {
            if let Some(behaviour) = behaviour {
                method.behaviour = behaviour;
            }
            methods.push(method);
        }
    }
    record_prefixes(&mut methods);
    not_too_many_prefixes(&methods, sink);
    methods
}

/// Sets the mode of the trait for reads without one of their own.
fn inherit(mode: Option<&Setting>, methods: &mut [Method]) {
    let Some(mode) = mode else { return };
    for method in methods {
        if let Behaviour::Cached(read) = &mut method.behaviour
            && read.options.setting(mode.option).is_none()
        {
            read.options.settings.push(mode.clone());
        }
    }
}

fn readers<'a>(drafts: &'a [Draft<'_>]) -> Readers<'a> {
    let (cached, others): (Vec<_>, Vec<_>) = drafts.iter().partition(|draft| draft.is_cached());
    Readers {
        cached: cached
            .into_iter()
            .map(|draft| Reader { ident: &draft.syntax.sig.ident, method: draft.method.as_ref() })
            .collect(),
        tags: drafts.iter().filter_map(Draft::read).flat_map(|read| &read.tags).collect(),
        has_mistakes: drafts.iter().any(|draft| draft.is_cached() && draft.read().is_none()),
        batches: others.iter().filter_map(|draft| draft.batched()).collect(),
        others: others.into_iter().map(|draft| &draft.syntax.sig.ident).collect(),
    }
}

/// The families of the tags that the entries of these methods carry, or that their writes invalidate, each once.
fn families(methods: &[Method]) -> Vec<FamilyName> {
    let carried = methods.iter().filter_map(Method::read).flat_map(|read| &read.tags).map(|tag| &tag.family);
    let written = methods.iter().filter_map(Method::write).flat_map(Write::targets);
    let entries = written.flat_map(|invalidation| invalidation.target.entries());
    let mut families: Vec<FamilyName> = Vec::new();
    for family in carried.chain(entries.filter_map(|entries| entries.reader.family.as_ref())) {
        if !families.contains(family) {
            families.push(family.clone());
        }
    }
    families
}

/// Stores in each read method the key lengths by which writes invalidate.
fn record_prefixes(methods: &mut [Method]) {
    let mut lengths: BTreeSet<(String, usize)> = BTreeSet::new();
    for method in methods.iter() {
        let Behaviour::Invalidates(write) = &method.behaviour else { continue };
        for entries in write.targets().flat_map(|invalidation| invalidation.target.entries()) {
            if let Extent::Prefix(args) = &entries.extent
                && !args.is_empty()
            {
                lengths.insert((entries.reader.read.to_string(), args.len()));
            }
        }
    }
    for method in methods {
        let name = method.ident.to_string();
        if let Behaviour::Cached(read) = &mut method.behaviour {
            read.prefixes = lengths.iter().filter(|(read, _)| *read == name).map(|(_, length)| *length).collect();
        }
    }
}

fn not_too_many_prefixes(methods: &[Method], sink: &mut Sink) {
    for method in methods {
        let Some(read) = method.read() else { continue };
        if read.prefixes.len() + read.tags.len() > MOST_PREFIXES {
            let problem = if read.tags.is_empty() {
                Problem::at(
                    &method.ident,
                    format!("`{}` is invalidated by more than {MOST_PREFIXES} lengths of its key", method.ident),
                )
                .instead("fewer different lengths in front of `..`")
            } else {
                Problem::at(
                    &method.ident,
                    format!("`{}` has more than {MOST_PREFIXES} tags and lengths of its key", method.ident),
                )
                .instead("fewer tags, or fewer different lengths in front of `..`")
            };
            sink.report(
                problem.why("each is a scope that every entry belongs to, and every read fetches all of them at once"),
            );
        }
    }
}

fn unique_entities(drafts: &[Draft<'_>], sink: &mut Sink) {
    let mut seen: Vec<(String, &Ident)> = Vec::new();
    for draft in drafts {
        let Some((entity, place)) = entity(draft) else { continue };
        let name = &draft.syntax.sig.ident;
        // One method in two forms, chosen by `cfg`, has its name and its entity twice.
        if let Some((_, owner)) = seen.iter().find(|(other, owner)| *other == entity && *owner != name) {
            sink.report(
                Problem::at(place, format!("the entity {entity:?} is that of `{owner}` too"))
                    .why("the two methods would read each other's entries")
                    .instead("another entity for one of them"),
            );
        }
        seen.push((entity, name));
    }
}

/// The entity of a cached method, if it is valid, and its tokens.
fn entity<'a>(draft: &Draft<'a>) -> Option<(String, &'a TokenStream)> {
    let options = draft.syntax.cache_attributes.iter().find_map(|attribute| match attribute {
        CacheAttribute::Cached(_, options) => Some(options),
        _ => None,
    })?;
    let option = options.iter().find(|option| option.name == cached::ENTITY.row.name)?;
    let Value::Equals(place) = &option.value else { return None };
    Some(((cached::ENTITY.parse)(option, &cached::ENTITY.row).ok()?, place))
}

fn lifetimes_need_inline(syntax: &StoreSyntax, drafts: &[Draft<'_>], sink: &mut Sink) {
    let Some(lifetime) = syntax.generics.lifetimes().next() else { return };
    let detached = drafts
        .iter()
        .filter_map(|draft| draft.method.as_ref())
        .find(|method| method.read().is_some_and(|read| !read.options.inline));
    if let Some(method) = detached {
        sink.report(
            Problem::at(
                lifetime,
                format!(
                    "the trait has a lifetime, and its cached method `{}` loads in a task of its own",
                    method.ident
                ),
            )
            .why("such a task lives for as long as it takes, and may borrow nothing")
            .instead("`load = inline` on every cached method, or a trait without lifetime parameters"),
        );
    }
}

fn associated(syntax: &StoreSyntax, sink: &mut Sink) -> Vec<Associated> {
    let mut associated = Vec::new();
    for item in &syntax.items {
        let ItemSyntax::Other(item) = item else { continue };
        match &**item {
            TraitItem::Type(ty) => associated.push(Associated::Type(ty.clone())),
            TraitItem::Const(constant) => associated.push(Associated::Const(constant.clone())),
            other => sink.report(unsupported_item(other)),
        }
    }
    associated
}

fn unsupported_item(item: &dyn ToTokens) -> Problem {
    Problem::at(item, "this item of the trait cannot be expanded")
        .why("the decorator has to implement the items that it expands to")
        .instead("the items themselves: methods, associated types and constants")
}
