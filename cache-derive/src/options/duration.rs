//! Lengths of time: a literal such as `"1h 30m"`, or a path to a constant.

use std::time::Duration;

use proc_macro2::Literal;
use syn::{Expr, ExprLit, Lit, LitStr};

use super::{Row, value};
use crate::diag::Problem;
use crate::model::{Setting, SettingValue, Span};
use crate::parse::OptionSyntax;

/// The value of an option that is a positive length of time, as an argument of the policy's builder.
pub(super) fn positive_duration(option: &OptionSyntax, row: &Row) -> Result<Setting, Problem> {
    duration(option, row).map(|span| row.setting(SettingValue::Duration(span)))
}

/// The value of an option that is a limit of a wait, as an argument of the policy's builder.
pub(super) fn limit(option: &OptionSyntax, row: &Row) -> Result<Setting, Problem> {
    parsed(option, row, &NO_WAIT).map(|span| row.setting(SettingValue::Duration(span)))
}

/// The value of an option that is an age: a positive length of time, or a percentage of the time to live.
pub(super) fn age(option: &OptionSyntax, row: &Row) -> Result<Setting, Problem> {
    let text = match value::expression(option, row.example())? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().ends_with('%') => text,
        _ => return positive_duration(option, row),
    };
    let percent = text.value().trim_end_matches('%').trim().parse::<u8>().ok();
    let percent = percent.filter(|percent| (1..100).contains(percent)).ok_or_else(|| {
        Problem::at(&text, format!("`{}` is out of range", row.name))
            .why("it is a share of `ttl`, within which the value is still cached")
            .instead("a whole number from 1 to 99, such as `\"80%\"`")
    })?;
    let argument = Some(SettingValue::Number(Literal::u8_suffixed(percent)));
    Ok(Setting { option: row.name, method: "refresh_after_percent", argument })
}

/// The value of an option that is a positive length of time.
pub(super) fn duration(option: &OptionSyntax, row: &Row) -> Result<Span, Problem> {
    parsed(option, row, &NO_LIFE)
}

fn parsed(option: &OptionSyntax, row: &Row, zero: &Zero) -> Result<Span, Problem> {
    let name = row.name;
    match value::expression(option, EXAMPLE)? {
        Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => of_literal(&literal, name, zero).map(Span::Literal),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Err(Problem::at(&number, format!("`{name}` has no unit"))
            .why("a bare number could be milliseconds, seconds or minutes")
            .instead(format!("`{name} = \"{number}s\"` for seconds"))),
        Expr::Path(path) => Ok(Span::Const(path, name)),
        other => Err(Problem::at(other, format!("`{name}` is not a length of time"))
            .why("it is fixed when the trait is compiled")
            .instead(format!("a literal such as `{EXAMPLE}`, or the path of a `Duration` constant"))),
    }
}

const EXAMPLE: &str = "\"5m\"";

/// What is wrong with a length of zero, and what to write instead.
struct Zero {
    why: &'static str,
    instead: &'static str,
}

const NO_LIFE: Zero = Zero {
    why: "an entry that expires at once is never read",
    instead: "a positive length of time, or `#[uncached]` where nothing is to be cached",
};

const NO_WAIT: Zero = Zero { why: "every load takes longer", instead: "a positive length of time" };

fn of_literal(literal: &LitStr, name: &str, zero: &Zero) -> Result<Duration, Problem> {
    let text = literal.value();
    match humantime::parse_duration(&text) {
        Ok(Duration::ZERO) => {
            Err(Problem::at(literal, format!("`{name}` is zero")).why(zero.why).instead(zero.instead))
        }
        Ok(duration) => Ok(duration),
        Err(error) => Err(Problem::at(literal, format!("`{name} = {text:?}` is not a length of time: {error}"))
            .instead("numbers with units, such as `\"90s\"`, `\"5m\"` or `\"1h 30m\"`")),
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span as Place;

    use super::*;

    fn of_text(text: &str) -> Result<Duration, String> {
        of_literal(&LitStr::new(text, Place::call_site()), "ttl", &NO_LIFE).map_err(|problem| problem.to_string())
    }

    #[test]
    fn units_are_parsed_and_added_up() {
        for (text, millis) in
            [("90s", 90_000), ("5m", 300_000), ("1h 30m", 5_400_000), ("250ms", 250), ("1day", 86_400_000)]
        {
            assert_eq!(of_text(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn invalid_durations_are_rejected() {
        for (text, message) in [
            ("0s", "`ttl` is zero"),
            ("5", "time unit needed"),
            ("", "value was empty"),
            ("5 parsecs", "unknown time unit"),
        ] {
            let problem = of_text(text).unwrap_err();
            assert!(problem.contains(message), "{text}: {problem}");
        }
    }
}
