//! The fixed parts of a key: namespaces and entities.

use super::{Row, value};
use crate::diag::Problem;
use crate::parse::OptionSyntax;

/// The value of an option that is a namespace: parts separated by `:`.
pub(super) fn namespace(option: &OptionSyntax, row: &Row) -> Result<String, Problem> {
    let literal = value::text(option, row)?;
    let text = literal.value();
    if text.split(':').all(is_part) {
        return Ok(text);
    }
    Err(Problem::at(literal, format!("the namespace {text:?} is not a list of parts separated by `:`"))
        .why("it stands in front of every key, where other characters have a meaning or would have to be escaped")
        .instead("parts of letters, digits, `_`, `-` and `.`, such as `\"copilot:llm\"`"))
}

/// The value of an option that is an entity: one part.
pub(super) fn entity(option: &OptionSyntax, row: &Row) -> Result<String, Problem> {
    let literal = value::text(option, row)?;
    let text = literal.value();
    if is_part(&text) {
        return Ok(text);
    }
    Err(Problem::at(literal, format!("the entity {text:?} is not one part of a key"))
        .why("it stands between the namespace and the key, where other characters have a meaning or would have to be escaped")
        .instead("letters, digits, `_`, `-` and `.`, such as `\"policy\"`"))
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
