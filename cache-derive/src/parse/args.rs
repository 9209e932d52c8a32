//! The arguments of `#[cached_store(..)]`.

use proc_macro2::TokenStream;

use super::{OptionSyntax, options};
use crate::diag::Sink;

/// The arguments of the annotation, not yet checked.
pub(crate) struct StoreArgs {
    /// Every option that could be parsed.
    pub(crate) options: Vec<OptionSyntax>,
}

impl StoreArgs {
    /// Parses what can be parsed.
    pub(crate) fn parse(tokens: TokenStream, sink: &mut Sink) -> Self {
        Self { options: options(tokens, sink) }
    }
}
