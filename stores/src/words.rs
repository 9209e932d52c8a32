//! Enums that are words in the database and in JSON.

use crate::StoreError;

/// The one of `all` that `text` stands for.
pub(crate) fn parse_word<T: Copy>(
    operation: &'static str,
    all: &[T],
    as_str: fn(T) -> &'static str,
    text: &str,
) -> Result<T, StoreError> {
    all.iter().copied().find(|one| as_str(*one) == text).ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|one| as_str(*one)).collect();
        StoreError::invalid_input(operation, format!("`{}` is none of {}", text.escape_debug(), words.join(", ")))
    })
}
