//! Whether an expression of the user awaits something.

use syn::Expr;
use syn::visit::Visit;

/// Whether an expression awaits something itself.
pub(crate) fn awaits(expression: &Expr) -> bool {
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
