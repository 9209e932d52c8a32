//! Decides how a target is treated after the call, and which parameters that takes.

use syn::{Expr, Type};

use super::Call;
use super::readers::Readers;
use crate::diag::{Problem, Sink};
use crate::model::{Invalidation, Lending, Param, Part, Passing, Reevaluation, Target, Write};
use crate::types::peel;
use crate::validate::changes::{Change, change, is_small};
use crate::validate::self_type::mentions_in;

/// The parameters of a write, as far as one target names them.
pub(super) struct Named<'a> {
    call: &'a Call<'a>,
    /// Every expression of the target, and the conditions of the whole attribute.
    expressions: Vec<&'a Expr>,
}

impl<'a> Named<'a> {
    pub(super) fn new(call: &'a Call<'a>, expressions: Vec<&'a Expr>) -> Self {
        Self { call, expressions }
    }

    /// Whether some expression mentions a name.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.expressions.iter().any(|expression| mentions_in(expression, name))
    }

    /// The places of the parameters that are mentioned.
    fn places(&self) -> Vec<usize> {
        self.call.named_in(&self.expressions)
    }

    /// Whether the call can change a parameter.
    pub(super) fn may_change(&self) -> bool {
        self.places().iter().any(|place| reevaluation(self.call.change(*place)) != Reevaluation::Nothing)
    }

    /// Notes the parameters that are moved into the call and needed after it.
    pub(super) fn keep(&self, target: &dyn quote::ToTokens, write: &mut Write, sink: &mut Sink) {
        for place in self.places() {
            let param = &self.call.params[place];
            match self.call.change(place) {
                Change::Exclusive(Some(lending)) => lend(write, place, lending),
                Change::Exclusive(None) => sink.report(self.consumed_by_the_call(target, param)),
                _ if matches!(param.passing, Passing::Owned) => clone(write, place),
                _ => {}
            }
        }
    }

    fn consumed_by_the_call(&self, target: &dyn quote::ToTokens, param: &Param) -> Problem {
        let (name, read) = (&param.ident, target.to_token_stream());
        Problem::at(&param.ty, format!("`{name}` of `{}` is named together with `result`", self.call.sig.ident))
            .why("the call consumes it, and an exclusive reference or a guard cannot be cloned for the time after the call")
            .instead(format!("`{name}: &mut ..`, or `{read}(..)` for the whole method"))
    }

    /// Decides how a target that is known before the call is treated after it, by its remaining parameters.
    pub(super) fn plan(&self, invalidation: &mut Invalidation, readers: &Readers<'_>, write: &mut Write) {
        let of = |place: &usize| reevaluation(self.call.change(*place));
        invalidation.reevaluation = self.places().iter().map(of).max().unwrap_or(Reevaluation::Nothing);
        if matches!(invalidation.reevaluation, Reevaluation::Nothing | Reevaluation::Whole) {
            return;
        }
        let has_parts = !invalidation.names_old
            && invalidation
                .target
                .one_scope()
                .is_some_and(|entries| entries.reader.owner.is_none() && entries.reader.family.is_none());
        if has_parts {
            self.plan_parts(&mut invalidation.target, readers, write);
            return;
        }
        for place in self.places() {
            match self.call.change(place) {
                Change::Exclusive(Some(lending)) => lend(write, place, lending),
                Change::Handle => clone(write, place),
                _ if is_moved(&self.call.params[place]) => clone(write, place),
                _ => {}
            }
        }
    }

    /// The same for entries without a condition, whose parts need not be computed twice.
    fn plan_parts(&self, target: &mut Target, readers: &Readers<'_>, write: &mut Write) {
        let Target::Entries(entries) = target else { return };
        let (key, entry) = (readers.key_of(&entries.reader.read), write.before.len());
        for (position, arg) in entries.extent.arguments_mut().iter_mut().enumerate() {
            let named = self.call.named_in(&[&arg.expression]);
            let changes_here =
                named.iter().any(|place| reevaluation(self.call.change(*place)) != Reevaluation::Nothing);
            for place in named {
                let param = &self.call.params[place];
                match self.call.change(place) {
                    Change::Exclusive(Some(lending)) => lend(write, place, lending),
                    Change::Handle => clone(write, place),
                    _ if !is_moved(param) => {}
                    _ if changes_here || is_small(&param.ty) => clone(write, place),
                    _ => {
                        let Some(part) = key.get(position) else { continue };
                        let name = format!("part_{entry}_{position}");
                        arg.part = Some(Part { name, ty: part.ty.clone(), passing: part.passing.clone() });
                    }
                }
            }
        }
    }
}

impl Call<'_> {
    /// The places of the parameters that these expressions mention.
    fn named_in(&self, expressions: &[&Expr]) -> Vec<usize> {
        let is_named = |param: &Param| {
            let name = param.ident.to_string();
            expressions.iter().any(|expression| mentions_in(expression, &name))
        };
        (0..self.params.len()).filter(|place| is_named(&self.params[*place])).collect()
    }

    /// The change that the call may make to a parameter.
    fn change(&self, place: usize) -> Change {
        change(&self.params[place].ty, self.output)
    }
}

fn reevaluation(change: Change) -> Reevaluation {
    match change {
        Change::Nothing => Reevaluation::Nothing,
        Change::Perhaps => Reevaluation::Evaluated,
        Change::Shared | Change::Handle | Change::Exclusive(Some(_)) => Reevaluation::Registered,
        Change::Exclusive(None) => Reevaluation::Whole,
    }
}

/// Whether the call consumes the parameter.
fn is_moved(param: &Param) -> bool {
    matches!(param.passing, Passing::Owned) && !matches!(peel(&param.ty), Type::Reference(_))
}

fn lend(write: &mut Write, place: usize, lending: Lending) {
    if !write.lent.iter().any(|(other, _)| *other == place) {
        write.lent.push((place, lending));
    }
}

fn clone(write: &mut Write, place: usize) {
    if !write.kept.contains(&place) {
        write.kept.push(place);
    }
}
