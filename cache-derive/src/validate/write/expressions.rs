//! Rules about the expressions in targets.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    Expr, ExprAsync, ExprBreak, ExprClosure, ExprContinue, ExprForLoop, ExprLoop, ExprReturn, ExprTry, ExprWhile,
};

use crate::diag::Problem;

/// Reports the value of an entry that would return from the method.
pub(super) fn early_return_of_a_value(value: &Expr) -> Option<Problem> {
    let mut search = Search::default();
    search.visit_expr(value);
    let token = search.token?;
    Some(
        Problem::at(&token, format!("`{token}` in a value of `#[updates(..)]`"))
            .why("it would return from the method: before the call without a write, or after it without the store's answer")
            .instead("an expression that always has a value"),
    )
}

/// Reports an expression that would return from the method, or leave the loop over a list.
pub(super) fn early_return(expression: &Expr) -> Option<Problem> {
    let mut search = Search::default();
    search.visit_expr(expression);
    let token = search.token?;
    let why = if search.leaves_loop {
        "it would leave the loop over a list, and the entries of the other elements would stay"
    } else {
        "it would return from the method: before the call without a write, or after it without the store's answer"
    };
    Some(
        Problem::at(&token, format!("`{token}` in an argument of a target")).why(why).instead(
            "an expression that always has a value, such as `.unwrap_or_default()`, or `..` for the whole method",
        ),
    )
}

#[derive(Default)]
struct Search {
    token: Option<TokenStream>,
    /// Whether that is a `break` or a `continue`.
    leaves_loop: bool,
    /// The loops of the expression itself around the place.
    loops: usize,
}

impl Search {
    fn inside_loop(&mut self, visit: impl FnOnce(&mut Self)) {
        self.loops += 1;
        visit(self);
        self.loops -= 1;
    }

    fn leaves_loop(&mut self, token: &dyn ToTokens, has_label: bool) {
        if self.loops == 0 && !has_label {
            self.token = Some(token.to_token_stream());
            self.leaves_loop = true;
        }
    }
}

impl Visit<'_> for Search {
    fn visit_expr_try(&mut self, expression: &ExprTry) {
        self.token = Some(expression.question_token.to_token_stream());
    }
    fn visit_expr_return(&mut self, expression: &ExprReturn) {
        self.token = Some(expression.return_token.to_token_stream());
    }
    fn visit_expr_break(&mut self, expression: &ExprBreak) {
        self.leaves_loop(&expression.break_token, expression.label.is_some());
    }
    fn visit_expr_continue(&mut self, expression: &ExprContinue) {
        self.leaves_loop(&expression.continue_token, expression.label.is_some());
    }
    fn visit_expr_loop(&mut self, expression: &ExprLoop) {
        self.inside_loop(|search| visit::visit_expr_loop(search, expression));
    }
    fn visit_expr_while(&mut self, expression: &ExprWhile) {
        self.inside_loop(|search| visit::visit_expr_while(search, expression));
    }
    fn visit_expr_for_loop(&mut self, expression: &ExprForLoop) {
        self.inside_loop(|search| visit::visit_expr_for_loop(search, expression));
    }
    fn visit_expr_async(&mut self, _: &ExprAsync) {}
    fn visit_expr_closure(&mut self, _: &ExprClosure) {}
}
