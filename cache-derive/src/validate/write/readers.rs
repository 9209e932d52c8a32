//! The read methods that a target may name, and their keys.

use syn::{Expr, ExprLit, Ident, Lit, LitStr};

use crate::diag::{Problem, closest, list};
use crate::model::{FamilyName, Method, Param, Tag};
use crate::parse::{EntriesTarget, is_rest};

/// The target that is a tag, and no read method.
const TAG: &str = "tag";

/// A cached method that a write may name.
pub(in crate::validate) struct Reader<'a> {
    /// Its name.
    pub(in crate::validate) ident: &'a Ident,
    /// Its model, if it has no mistakes.
    pub(in crate::validate) method: Option<&'a Method>,
}

/// The methods that a write may name, and the others, for better messages.
pub(in crate::validate) struct Readers<'a> {
    /// The cached ones.
    pub(in crate::validate) cached: Vec<Reader<'a>>,
    /// The tags that their entries carry.
    pub(in crate::validate) tags: Vec<&'a Tag>,
    /// Whether some cached method has mistakes, so that its tags are unknown.
    pub(in crate::validate) has_mistakes: bool,
    /// The methods over many keys, with the ones over one.
    pub(in crate::validate) batches: Vec<(&'a Ident, String)>,
    /// The names of all that are not cached by themselves.
    pub(in crate::validate) others: Vec<&'a Ident>,
}

impl<'a> Readers<'a> {
    /// The method of this name; `None` if its own mistakes are reported.
    pub(super) fn find(&self, read: &Ident) -> Result<Option<&'a Method>, Problem> {
        match self.cached.iter().find(|reader| reader.ident == read) {
            Some(reader) => Ok(reader.method.filter(|method| method.read().is_some())),
            None => Err(no_such_reader(read, self)),
        }
    }

    /// Whether a target names a tag. A cached method may be called `tag` as well.
    pub(super) fn is_tag(&self, target: &EntriesTarget) -> bool {
        target.owner.is_none() && target.read == TAG && self.cached.iter().all(|reader| reader.ident != TAG)
    }

    /// The family that an argument names.
    pub(super) fn family(&self, written: &Expr) -> Result<FamilyName, Problem> {
        match written {
            Expr::Group(group) => self.family(&group.expr),
            Expr::Path(path) if path.qself.is_none() => Ok(FamilyName::Type(path.path.clone())),
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => self.named_family(text),
            other => Err(Problem::at(other, "this is no family of tags")
                .why("it is a text that some `tags(..)` of this trait names, or a type that implements `TagFamily`")
                .instead("`tag(\"user\", id)` or `tag(UserTag, id)`")),
        }
    }

    /// A family that only this trait uses.
    fn named_family(&self, text: &LitStr) -> Result<FamilyName, Problem> {
        let family = FamilyName::Text(text.clone());
        if self.has_mistakes || self.tags.iter().any(|tag| tag.family == family) {
            return Ok(family);
        }
        let names: Vec<String> = self.tags.iter().filter_map(|tag| tag.family.text()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let problem =
            Problem::at(text, format!("no entries of this trait carry tags of the family {:?}", text.value()))
                .why("the invalidation would have no effect; a family that traits share is a type");
        Err(match closest(&text.value(), &names) {
            Some(meant) => problem.instead(format!("did you mean {meant:?}?")),
            None => problem.instead(format!("`tags({:?}, ..)` on a cached method", text.value())),
        })
    }

    /// The parts of the key of a read method; none if it has mistakes.
    pub(super) fn key_of(&self, read: &Ident) -> Vec<&'a Param> {
        self.find(read).ok().flatten().map_or_else(Vec::new, key_of)
    }
}

/// The parts of the key of a cached method.
pub(super) fn key_of(method: &Method) -> Vec<&Param> {
    let key = method.read().map(|read| read.key.iter().map(|place| &method.params[*place]));
    key.into_iter().flatten().collect()
}

fn no_such_reader(read: &Ident, readers: &Readers<'_>) -> Problem {
    if let Some((_, one)) = readers.batches.iter().find(|(batch, _)| *batch == read) {
        return Problem::at(read, format!("`{read}` has no entries of its own"))
            .why(format!("it is a batch of `{one}`, and shares its entries"))
            .instead(format!("`{one}(..)`"));
    }
    if readers.others.contains(&read) {
        return Problem::at(read, format!("`{read}` is not cached"))
            .why("only a cached method has entries that can go stale")
            .instead(format!("`#[cached(..)]` on `{read}`, or leave it out here"));
    }
    let names: Vec<String> = readers.cached.iter().map(|reader| reader.ident.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let problem = Problem::at(read, format!("the trait has no read method `{read}`"));
    if read == "each" {
        return problem
            .why("a list of targets has an arrow between the list and the targets")
            .instead("`each(item in items => get(item.id))`");
    }
    let problem = problem.why("a target is a cached method of the same trait");
    match closest(&read.to_string(), &names) {
        Some(meant) => problem.instead(format!("did you mean `{meant}`?")),
        None if names.is_empty() => problem.instead("`#[cached(..)]` on the method that reads what this one writes"),
        None => problem.instead(format!("one of {}", list(names))),
    }
}

/// Checks the number of arguments of a target against the key.
pub(super) fn check_count(target: &EntriesTarget, key: &[&Param]) -> Result<(), Problem> {
    let EntriesTarget { read, args, rest, .. } = target;
    if let Some(early) = args.iter().find(|arg| is_rest(arg)) {
        return Err(rest_in_front(early, &signature_of(read, key)));
    }
    if let Some(extra) = args.get(key.len()) {
        return Err(Problem::at(
            extra,
            format!("`{read}` has {} here, its key has {}", count(args.len()), count(key.len())),
        )
        .instead(format!("`{}`", signature_of(read, key))));
    }
    if rest.is_some() && args.len() == key.len() && !key.is_empty() {
        return Err(Problem::at(rest, format!("`..` after every part of the key of `{read}`"))
            .why("nothing is left for it to stand for")
            .instead(format!("`{}`", signature_of(read, key))));
    }
    if rest.is_none() && args.len() < key.len() {
        return Err(too_few(target, key));
    }
    Ok(())
}

/// Checks a target whose read method belongs to another trait.
pub(super) fn check_of_other_trait(target: &EntriesTarget) -> Result<(), Problem> {
    let EntriesTarget { read, args, rest, .. } = target;
    if let Some(early) = args.iter().find(|arg| is_rest(arg)) {
        return Err(rest_in_front(early, &format!("{read}(..)")));
    }
    if rest.is_some() && !args.is_empty() {
        return Err(Problem::at(rest, format!("`{read}` is of another trait, and is named with a part of its key"))
            .why("entries belong to the key prefixes that the writes of their own trait name, and this trait does not see those")
            .instead(format!("the whole key, or `{read}(..)` for every entry of the method")));
    }
    Ok(())
}

fn rest_in_front(early: &syn::Expr, instead: &str) -> Problem {
    Problem::at(early, "`..` is not the last argument")
        .why("it stands for every entry that begins with the parts before it")
        .instead(format!("`{instead}`"))
}

fn too_few(target: &EntriesTarget, key: &[&Param]) -> Problem {
    let EntriesTarget { read, args, .. } = target;
    let mut prefix: Vec<String> = key.iter().take(args.len()).map(|param| param.ident.to_string()).collect();
    prefix.push("..".to_owned());
    Problem::at(read, format!("`{read}` has {} here, its key has {}", count(args.len()), count(key.len())))
        .why("without the others this names no entry")
        .instead(format!(
            "`{}`, or `{read}({})` for every entry that begins so",
            signature_of(read, key),
            prefix.join(", ")
        ))
}

/// A read method with the parts of its key.
pub(super) fn signature_of(read: &Ident, key: &[&Param]) -> String {
    let names: Vec<String> = key.iter().map(|param| param.ident.to_string()).collect();
    format!("{read}({})", names.join(", "))
}

fn count(parts: usize) -> String {
    if parts == 1 { "1 part".to_owned() } else { format!("{parts} parts") }
}
