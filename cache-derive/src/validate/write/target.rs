//! The meaning of a target: entries, and lists of them.

use syn::visit::Visit;
use syn::visit_mut::VisitMut;
use syn::{Expr, Ident, Pat, PatIdent, Type, parse_quote};

use super::Call;
use super::readers::{Readers, check_count, check_of_other_trait, key_of};
use crate::diag::Problem;
use crate::model::{Argument, Each, Entries, Extent, FamilyName, Iteration, Param, Passing, Reader, Target};
use crate::parse::{self, EachTarget, EntriesTarget};
use crate::types::{first_type, last_segment, peel};
use crate::validate::self_type::{SelfType, mentions_in};
use crate::validate::tags::same_length;

/// Smart pointers, through which a list is iterated over.
const POINTERS: [&str; 3] = ["Arc", "Rc", "Box"];

/// Builds the targets of one write.
pub(super) struct Targets<'a> {
    /// The write.
    pub(super) call: &'a Call<'a>,
    /// The read methods.
    pub(super) readers: &'a Readers<'a>,
    /// The names besides parameters that expressions may use.
    pub(super) reserved: Vec<&'a Ident>,
    /// The backing store in place of `Self`.
    pub(super) self_type: &'a mut SelfType,
}

impl Targets<'_> {
    /// The model of a target; `None` if a mistake elsewhere is reported.
    pub(super) fn target(&mut self, target: &parse::Target) -> Result<Option<Target>, Problem> {
        match target {
            parse::Target::Entries(entries) => Ok(self.entries(entries)?.map(Target::Entries)),
            parse::Target::Each(each) => Ok(self.each(each)?.map(|each| Target::Each(Box::new(each)))),
        }
    }

    fn entries(&mut self, target: &EntriesTarget) -> Result<Option<Entries>, Problem> {
        let conditions = target.condition_of_target().map(|condition| self.expression(condition)).into_iter().collect();
        if self.readers.is_tag(target) {
            return self.tag(target, conditions).map(Some);
        }
        let reader = |cfgs| Reader { family: None, owner: target.owner.clone(), read: target.read.clone(), cfgs };
        if target.owner.is_some() {
            check_of_other_trait(target)?;
            let args: Vec<_> = target.args.iter().map(|arg| self.argument(arg, false)).collect();
            let extent = if target.rest.is_some() { Extent::Prefix(args) } else { Extent::Entry(args) };
            return Ok(Some(Entries { reader: reader(Vec::new()), extent, conditions }));
        }
        let Some(method) = self.readers.find(&target.read)? else { return Ok(None) };
        let key = key_of(method);
        check_count(target, &key)?;
        let args = self.arguments(&target.args, &key);
        let is_prefix = target.rest.is_some() && target.args.len() < key.len();
        let extent = if is_prefix { Extent::Prefix(args) } else { Extent::Entry(args) };
        Ok(Some(Entries { reader: reader(method.cfgs.clone()), extent, conditions }))
    }

    /// `tag("family", key)`, or `tag("family", ..)` for every tag of it.
    fn tag(&mut self, target: &EntriesTarget, conditions: Vec<Expr>) -> Result<Entries, Problem> {
        let Some((family, key)) = target.args.split_first() else { return Err(no_family(target)) };
        let family = self.readers.family(family)?;
        if target.rest.is_none() && key.is_empty() {
            return Err(Problem::at(&family, "this names no tag of the family")
                .why("a family has one tag for each key")
                .instead("`tag(family, key)`, or `tag(family, ..)` for all of them"));
        }
        if let Some(rest) = target.rest.as_ref().filter(|_| !key.is_empty()) {
            return Err(Problem::at(rest, "`..` after the key of a tag")
                .why("a tag is invalidated as a whole, by its whole key")
                .instead("the key alone, or `..` alone for every tag of the family"));
        }
        if let (FamilyName::Type(_), [_, second, ..]) = (&family, key) {
            return Err(Problem::at(second, "a tag of a declared family has one key")
                .why("the type of the family says what it is")
                .instead("a tuple, if the key has several parts"));
        }
        if target.rest.is_none() {
            same_length(&self.readers.tags, &family, key)?;
        }
        let args: Vec<_> = key.iter().map(|part| self.argument(part, false)).collect();
        let extent = if target.rest.is_some() { Extent::Prefix(args) } else { Extent::Entry(args) };
        let reader = Reader { family: Some(family), owner: None, read: target.read.clone(), cfgs: Vec::new() };
        Ok(Entries { reader, extent, conditions })
    }

    /// The arguments for the first parts of a key.
    pub(super) fn arguments(&mut self, args: &[Expr], key: &[&Param]) -> Vec<Argument> {
        let by_value = |part: &Param| matches!(part.passing, Passing::OptionalBorrowed(_));
        args.iter().zip(key).map(|(arg, part)| self.argument(arg, by_value(part))).collect()
    }

    fn argument(&mut self, arg: &Expr, by_value: bool) -> Argument {
        Argument { expression: self.expression(arg), by_value, part: None }
    }

    /// An expression, with the backing store in place of `Self`.
    pub(super) fn expression(&mut self, expression: &Expr) -> Expr {
        let mut expression = expression.clone();
        self.self_type.visit_expr_mut(&mut expression);
        expression
    }

    fn each(&mut self, each: &EachTarget) -> Result<Option<Each>, Problem> {
        let element = match &each.element {
            Some(element) => element.clone(),
            None => singular(each)?,
        };
        self.names_are_free(&element)?;
        let mut targets = Vec::new();
        for target in &each.targets {
            let Some(target) = self.target(target)? else { return Ok(None) };
            targets.push(target);
        }
        let (list, iteration) = (self.expression(&each.list), self.iteration(&each.list));
        let conditions = each.condition.iter().map(|condition| self.expression(condition)).collect();
        Ok(Some(Each { element, list, iteration, targets, conditions }))
    }

    /// Checks that an element hides no other value: parameters are found in expressions by their names.
    fn names_are_free(&self, element: &Pat) -> Result<(), Problem> {
        let taken = |name: &Ident| {
            name == "result"
                || self.reserved.contains(&name)
                || self.call.params.iter().any(|param| param.ident == *name)
        };
        match names_of(element).into_iter().find(|name| taken(name)) {
            Some(name) => Err(Problem::at(&name, format!("the element `{name}` is called like another value"))
                .why("the targets of the list could not name the other one")
                .instead("another name in front of `in`")),
            None => Ok(()),
        }
    }

    /// How a list is iterated over: a parameter or a field by reference, since the call takes it.
    fn iteration(&self, list: &Expr) -> Iteration {
        match list {
            Expr::Group(group) => self.iteration(&group.expr),
            Expr::Paren(paren) => self.iteration(&paren.expr),
            Expr::Field(_) | Expr::Index(_) => Iteration::Borrowed(0),
            Expr::Path(path) => path.path.get_ident().map_or(Iteration::AsWritten, |name| self.iteration_of(name)),
            _ => Iteration::AsWritten,
        }
    }

    fn iteration_of(&self, name: &Ident) -> Iteration {
        if let Some(param) = self.call.params.iter().find(|param| param.ident == *name) {
            return by_reference(&param.ty);
        }
        let value = last_segment(self.call.output).filter(|_| name == "result").and_then(first_type);
        value.map_or(Iteration::AsWritten, |value| by_reference(&parse_quote!(&#value)))
    }
}

fn no_family(target: &EntriesTarget) -> Problem {
    Problem::at(&target.read, "`tag` names no family")
        .why("a tag belongs to a family, which some read method names in its `tags(..)`")
        .instead("`tag(\"user\", id)` or `tag(UserTag, id)`")
}

/// The iteration over a value of this type, without consuming it.
fn by_reference(ty: &Type) -> Iteration {
    let pointers = pointers(ty);
    match peel(ty) {
        Type::Reference(reference) if reference.mutability.is_none() && pointers == 1 => Iteration::AsWritten,
        _ => Iteration::Borrowed(pointers),
    }
}

/// The number of pointers around the value itself.
fn pointers(ty: &Type) -> usize {
    let ty = peel(ty);
    if let Type::Reference(reference) = ty {
        return 1 + pointers(&reference.elem);
    }
    let Some(segment) = last_segment(ty) else { return 0 };
    let inside = first_type(segment);
    match inside {
        Some(inside) if segment.ident == "Pin" => pointers(inside),
        Some(inside) if POINTERS.iter().any(|name| segment.ident == name) => 1 + pointers(inside),
        _ => 0,
    }
}

/// The element of `each(items => get(item.id))`: the name of the list without its last letter.
fn singular(each: &EachTarget) -> Result<Pat, Problem> {
    let name = match &each.list {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    };
    let singular = name.as_deref().and_then(|name| name.strip_suffix('s')).filter(|name| !name.is_empty());
    let is_named = |name: &&str| {
        each.targets.iter().flat_map(parse::Target::expressions).any(|expression| mentions_in(expression, name))
    };
    let singular = singular.filter(is_named).and_then(|name| syn::parse_str::<Ident>(name).ok());
    let Some(mut element) = singular else {
        return Err(Problem::at(&each.list, "the element of this list has no name")
            .why("`each(items => get(item.id))` names it only for a parameter with an `s` at its end, if the targets use the name without it")
            .instead("`each(item in items => get(item.id))`"));
    };
    element.set_span(syn::spanned::Spanned::span(&each.list));
    Ok(parse_quote!(#element))
}

/// The names that a pattern binds.
fn names_of(pattern: &Pat) -> Vec<Ident> {
    struct Search(Vec<Ident>);
    impl Visit<'_> for Search {
        fn visit_pat_ident(&mut self, pattern: &PatIdent) {
            self.0.push(pattern.ident.clone());
            syn::visit::visit_pat_ident(self, pattern);
        }
    }
    let mut search = Search(Vec::new());
    search.visit_pat(pattern);
    search.0
}
