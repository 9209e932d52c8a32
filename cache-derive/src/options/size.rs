//! The capacity of the local tier: a number of entries, or a number of bytes such as `"64MiB"`.

use proc_macro2::Literal;
use syn::{Expr, ExprLit, Lit, LitInt, LitStr};

use super::{Row, value};
use crate::diag::Problem;
use crate::model::{Setting, SettingValue};
use crate::parse::OptionSyntax;

/// The method of the policy's builder for a number of bytes.
pub(crate) const BYTES: &str = "local_capacity_bytes";

/// The units, and the bytes of each.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A positive number of entries, or a positive size.
pub(super) fn capacity(option: &OptionSyntax, row: &Row) -> Result<Setting, Problem> {
    match value::expression(option, row.example())? {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => entries(option, row, &number),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => bytes(row, &text),
        other => Err(Problem::at(other, format!("this is no value for `{}`", row.name)).instead(forms(row))),
    }
}

fn forms(row: &Row) -> String {
    format!("a number of entries, such as `{0} = 10_000`, or a size, such as `{0} = \"64MiB\"`", row.name)
}

fn entries(option: &OptionSyntax, row: &Row, number: &LitInt) -> Result<Setting, Problem> {
    let entries = value::in_range::<usize>(option, number, "a positive number of entries")?;
    if entries == 0 {
        return Err(zero(row, number, "a positive number of entries"));
    }
    Ok(row.setting(SettingValue::Number(Literal::usize_suffixed(entries))))
}

fn zero(row: &Row, place: impl quote::ToTokens, instead: &str) -> Problem {
    Problem::at(place, format!("`{}` is zero", row.name))
        .why("a local tier without room keeps nothing")
        .instead(format!("{instead}, or `local = off`"))
}

fn bytes(row: &Row, literal: &LitStr) -> Result<Setting, Problem> {
    let text = literal.value();
    let size = size(&text).map_err(|why| {
        Problem::at(literal, format!("`{} = {text:?}` is not a size", row.name)).why(why).instead(forms(row))
    })?;
    if size == 0 {
        return Err(zero(row, literal, "a positive size"));
    }
    let argument = Some(SettingValue::Number(Literal::u64_suffixed(size)));
    Ok(Setting { option: row.name, method: BYTES, argument })
}

/// The bytes of a size: a whole number and a unit.
fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim_start());
    let names = || UNITS.map(|(name, _)| name).join(", ");
    if number.is_empty() {
        return Err("it begins with a whole number".to_owned());
    }
    if unit.is_empty() {
        return Err(format!("a bare number could be entries, bytes or megabytes: the units are {}", names()));
    }
    let Some((_, bytes)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("`{unit}` is no unit: the units are {}", names()));
    };
    let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*bytes));
    size.ok_or_else(|| "the number of bytes is not below 2^64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("64MiB", 64 << 20),
            ("512KiB", 512 << 10),
            (" 1 GiB ", 1 << 30),
            ("1B", 1),
            ("0B", 0),
            ("3kB", 3_000),
            ("3MB", 3_000_000),
            ("3GB", 3_000_000_000),
            ("3TB", 3_000_000_000_000),
            ("16777215TiB", u64::MAX - ((1 << 40) - 1)),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_reason() {
        for (text, why) in [
            ("", "a whole number"),
            ("MiB", "a whole number"),
            ("-1MiB", "a whole number"),
            ("64", "a bare number"),
            ("64 parsecs", "`parsecs` is no unit"),
            ("64mb", "`mb` is no unit"),
            ("1.5MiB", "`.5MiB` is no unit"),
            ("16777216TiB", "not below 2^64"),
            ("99999999999999999999B", "not below 2^64"),
        ] {
            let problem = size(text).unwrap_err();
            assert!(problem.contains(why), "{text}: {problem}");
        }
    }
}
