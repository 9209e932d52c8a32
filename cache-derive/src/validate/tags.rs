//! `tags(..)` of `#[cached(..)]`.

use quote::ToTokens;
use syn::visit::Visit;
use syn::visit_mut::VisitMut;
use syn::{Expr, ExprAwait, ExprClosure, ExprReturn, ExprTry, Signature};

use super::given::Given;
use super::self_type::{SelfType, mentions};
use crate::diag::{Problem, Sink};
use crate::model::{FamilyName, Param, Tag};
use crate::options::cached;
use crate::parse::TagSyntax;

/// The name of the value in the key of a tag.
const VALUE: &str = "value";

/// The tags of a read method with these parameters, of which `key` are in the key.
pub(super) fn tags(
    sig: &Signature,
    params: &[Param],
    key: &[usize],
    given: &Given<'_>,
    self_type: &mut SelfType,
    sink: &mut Sink,
) -> Vec<Tag> {
    let written = given.values(&cached::TAGS, sink);
    written.into_iter().filter_map(|tag| sink.accept(checked(sig, params, key, tag, self_type))).collect()
}

fn checked(
    sig: &Signature,
    params: &[Param],
    key: &[usize],
    TagSyntax { family, key: mut parts }: TagSyntax,
    self_type: &mut SelfType,
) -> Result<Tag, Problem> {
    if parts.is_empty() {
        return Err(Problem::at(&family, "this tag has no key")
            .why("a family has one tag for each key, and an entry carries some of them")
            .instead("`tags(\"tenant\", tenant)` with a parameter of the key, or `tags(\"user\", value.id)`"));
    }
    if let (FamilyName::Type(_), [_, second, ..]) = (&family, &parts[..]) {
        return Err(Problem::at(second, "a tag of a declared family has one key")
            .why("the type of the family says what it is")
            .instead("a tuple, if the key has several parts"));
    }
    for part in &parts {
        no_control_flow(part)?;
    }
    let mentioned = |name: &str| parts.iter().any(|part| mentions(&part.to_token_stream(), name));
    let of_value = mentioned(VALUE);
    if let Some(param) = params.iter().find(|param| of_value && param.ident == VALUE) {
        return Err(Problem::at(&param.ident, format!("`{}` has a parameter called `{VALUE}`", sig.ident))
            .why("in `tags(..)` this name is the value of the entry")
            .instead("another name for the parameter"));
    }
    for (place, param) in params.iter().enumerate().filter(|(_, param)| mentioned(&param.ident.to_string())) {
        if of_value {
            return Err(Problem::at(&family, format!("this tag is of the value and of `{}`", param.ident))
                .why("the tags of a value are found in the value alone, wherever its entry comes from")
                .instead("two tags, or a field of the value in place of the parameter"));
        }
        if !key.contains(&place) {
            return Err(Problem::at(&family, format!("`{}` is not in the key of `{}`", param.ident, sig.ident))
                .why("an entry does not depend on a parameter outside of its key")
                .instead(format!("`key(.., {})`, or another key for the tag", param.ident)));
        }
    }
    for part in &mut parts {
        self_type.visit_expr_mut(part);
    }
    Ok(Tag { family, key: parts, of_value })
}

/// Reports tags of one family whose keys have different numbers of parts. The first one counts.
pub(super) fn equal_lengths(tags: &[&Tag], sink: &mut Sink) {
    for tag in tags {
        sink.accept(same_length(tags, &tag.family, &tag.key));
    }
}

/// Refuses a key with another number of parts than that of the first tag of its family.
pub(super) fn same_length(tags: &[&Tag], family: &FamilyName, key: &[Expr]) -> Result<(), Problem> {
    let first = tags.iter().find(|tag| tag.family == *family).map_or(key, |tag| &tag.key[..]);
    if first.len() == key.len() {
        return Ok(());
    }
    let count = if first.len() == 1 { "one part".to_owned() } else { format!("{} parts", first.len()) };
    Err(Problem::at(family, format!("the keys of this family have {count}, not {}", key.len()))
        .why("the first `tags(..)` of the family in this trait says so, and a tag with other parts is another one")
        .instead("the same parts, in the same order"))
}

/// Refuses an expression that leaves the function in which it stands, or waits.
fn no_control_flow(part: &Expr) -> Result<(), Problem> {
    struct Search(Option<proc_macro2::TokenStream>);
    impl Visit<'_> for Search {
        fn visit_expr_try(&mut self, expression: &ExprTry) {
            self.0 = Some(expression.question_token.to_token_stream());
        }
        fn visit_expr_return(&mut self, expression: &ExprReturn) {
            self.0 = Some(expression.return_token.to_token_stream());
        }
        fn visit_expr_await(&mut self, expression: &ExprAwait) {
            self.0 = Some(expression.await_token.to_token_stream());
        }
        fn visit_expr_closure(&mut self, _: &ExprClosure) {}
    }
    let mut search = Search(None);
    search.visit_expr(part);
    let Some(token) = search.0 else { return Ok(()) };
    Err(Problem::at(&token, format!("`{token}` in the key of a tag"))
        .why("the key is computed by a function of its own, which neither waits nor fails")
        .instead("an expression that always has a value"))
}
