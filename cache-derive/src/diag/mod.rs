//! Collects the mistakes in the input, so that one build reports all of them.

mod suggest;

use std::fmt::{self, Display};

use proc_macro2::TokenStream;
use quote::ToTokens;

pub(crate) use suggest::closest;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Sink {
    errors: Vec<syn::Error>,
}

impl Sink {
    /// Reports a mistake.
    pub(crate) fn report(&mut self, problem: Problem) {
        self.errors.push(problem.into());
    }

    /// Reports a syntax error of syn.
    pub(crate) fn syntax(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    /// Returns the value; on an error reports it and returns `None`.
    pub(crate) fn accept<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.report(problem)).ok()
    }

    /// Whether there is no mistake so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The number of mistakes so far.
    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    /// The tokens, then every error.
    pub(crate) fn after(self, mut tokens: TokenStream) -> TokenStream {
        tokens.extend(self.errors.iter().map(syn::Error::to_compile_error));
        tokens
    }
}

/// One mistake in three parts: the mistake, the reason, and the correction.
#[derive(Debug)]
pub(crate) struct Problem {
    place: TokenStream,
    what: String,
    why: Option<String>,
    instead: Option<String>,
}

impl Problem {
    /// The mistake, at the wrong tokens.
    pub(crate) fn at(place: impl ToTokens, what: impl Into<String>) -> Self {
        Self { place: place.into_token_stream(), what: what.into(), why: None, instead: None }
    }

    /// The reason.
    pub(crate) fn why(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    /// The correction.
    pub(crate) fn instead(self, instead: impl Into<String>) -> Self {
        Self { instead: Some(instead.into()), ..self }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for (label, text) in [("why", &self.why), ("write", &self.instead)] {
            if let Some(text) = text {
                write!(f, "\n  {label}: {text}")?;
            }
        }
        Ok(())
    }
}

impl From<Problem> for syn::Error {
    fn from(problem: Problem) -> Self {
        let text = problem.to_string();
        Self::new_spanned(problem.place, text)
    }
}

/// The names in backticks, separated by commas.
pub(crate) fn list<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
