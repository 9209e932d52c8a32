//! Reads variables of the environment as the types that they hold.
//!
//! Only this module reads the environment of the process, for the stores as well. A test passes a function instead, so
//! no test changes the environment. Every error names the variable and the expected form; those of [`Variables::text`]
//! do not show the value, which may be a secret.

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::error::Error;

/// The maximum number of characters of a value in a message.
const MOST_SHOWN: usize = 40;

type Lookup<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// Reads variables of the environment, or of another source, as typed values.
///
/// A variable that is not set, is empty or contains only whitespace counts as unset; whitespace around a value is
/// ignored. A value that does not parse is an error with the name of the variable, its value and the expected form.
///
/// # Examples
///
/// ```
/// use cache_core::{CacheBuilder, Variables};
///
/// let variables = Variables::new(|name| (name == "ENABLE_REPORT_CACHE").then_some("off"));
/// assert!(!variables.switch("ENABLE_REPORT_CACHE")?);
/// assert_eq!(variables.seconds(&["CACHE_TTL_REPORT_SECONDS"])?, None);
/// let cache = CacheBuilder::from_variables(&variables)?.build()?;
/// # Ok::<(), cache_core::Error>(())
/// ```
pub struct Variables<'a> {
    lookup: Box<Lookup<'a>>,
}

impl<'a> Variables<'a> {
    /// Reads the variables of the process.
    ///
    /// Each is read when a method asks for it, and not when this is called.
    ///
    /// # Examples
    ///
    /// ```
    /// let path = cache_core::Variables::from_env().text("PATH")?;
    /// # let _ = path;
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn from_env() -> Self {
        Self::new(|name| std::env::var_os(name))
    }

    /// Reads the variables of another source.
    ///
    /// `lookup` returns the value of a variable that is set, as a `String`, a `&str` or an `OsString`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use cache_core::Variables;
    ///
    /// let file = HashMap::from([("REPORT_TITLE", " Weekly ")]);
    /// let variables = Variables::new(|name| file.get(name).copied());
    /// assert_eq!(variables.text("REPORT_TITLE")?.as_deref(), Some("Weekly"));
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn new<V: Into<OsString>>(lookup: impl Fn(&str) -> Option<V> + 'a) -> Self {
        Self { lookup: Box::new(move |name| lookup(name).map(Into::into)) }
    }

    /// Returns the text of a variable; `None` if it is unset or blank.
    ///
    /// # Errors
    ///
    /// Returns [`Config`](crate::ErrorKind::Config) if the value is not Unicode. The message does not show the value.
    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(value) = (self.lookup)(name) else { return Ok(None) };
        let value = value.into_string().map_err(|_| Error::config(format!("{name} is not Unicode")))?;
        let value = value.trim();
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    /// Parses a variable, if it is set.
    ///
    /// If `parse` returns `None`, the error names what is `expected`.
    ///
    /// The message shows the first 40 characters of the value, so do not use it for secrets.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Variables;
    ///
    /// let variables = Variables::new(|_| Some("many"));
    /// let error = variables.parse("WORKERS", "a number", |text| text.parse::<u8>().ok()).unwrap_err();
    /// assert_eq!(error.to_string(), "WORKERS is `many`: expected a number");
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Config`](crate::ErrorKind::Config) if the value is not Unicode or does not parse.
    pub fn parse<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.text(name)? else { return Ok(None) };
        match parse(&value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(Error::config(format!("{name} is `{}`: expected {expected}", shown(&value)))),
        }
    }

    /// Reads a switch, which is on if the variable is unset.
    ///
    /// It accepts `true`, `1`, `on` and `yes`, or `false`, `0`, `off` and `no`, in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Variables;
    ///
    /// assert!(!Variables::new(|_| Some("No")).switch("ENABLE_REPORT_CACHE")?);
    /// assert!(Variables::new(|_| None::<&str>).switch("ENABLE_REPORT_CACHE")?);
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn switch(&self, name: &str) -> Result<bool, Error> {
        let state = self.parse(name, "true or false", |value| match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Some(true),
            "false" | "0" | "off" | "no" => Some(false),
            _ => None,
        })?;
        Ok(state.unwrap_or(true))
    }

    /// Reads a time in whole seconds from the first of these variables that is set.
    ///
    /// It accepts 1 to `u32::MAX`. The others are read too: a value that does not parse is an error even if it is not
    /// used. So a service can read a specific variable with a general one as its default.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Variables;
    ///
    /// let variables = Variables::new(|name| (name == "CACHE_TTL_SECONDS").then_some("90"));
    /// let ttl = variables.seconds(&["CACHE_TTL_REPORT_SECONDS", "CACHE_TTL_SECONDS"])?;
    /// assert_eq!(ttl, Some(Duration::from_secs(90)));
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn seconds(&self, names: &[&str]) -> Result<Option<Duration>, Error> {
        let read = |name: &&str| self.parse(name, "whole seconds, 1 or more", |value| value.parse::<NonZeroU32>().ok());
        let seconds = names.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(seconds.into_iter().flatten().next().map(|seconds| Duration::from_secs(seconds.get().into())))
    }
}

/// Shows no values, since some of them are secrets.
impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").finish_non_exhaustive()
    }
}

/// Returns the beginning of a value for a message, with control characters escaped.
pub(crate) fn shown(value: &str) -> String {
    let mut shown: String = value.chars().take(MOST_SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_value_is_an_unset_one_and_space_around_is_dropped() {
        let variables = Variables::new(|name| match name {
            "BLANK" => Some(" \t"),
            "PADDED" => Some(" text\n"),
            _ => None,
        });
        assert_eq!(variables.text("BLANK").unwrap(), None);
        assert_eq!(variables.text("UNSET").unwrap(), None);
        assert_eq!(variables.text("PADDED").unwrap().as_deref(), Some("text"));
        assert!(variables.switch("BLANK").unwrap() && variables.switch("UNSET").unwrap());
    }

    #[test]
    fn the_words_of_a_switch() {
        for (word, state) in [("true", true), ("ON", true), ("1", true), ("Yes", true), ("False", false), ("no", false)]
        {
            assert_eq!(Variables::new(|_| Some(word)).switch("SWITCH").unwrap(), state, "{word}");
        }
    }

    #[test]
    fn the_first_name_that_is_set_wins_and_the_others_must_parse() {
        let seconds = |newer: Option<&'static str>, older: Option<&'static str>| {
            Variables::new(move |name| if name == "NEWER" { newer } else { older }).seconds(&["NEWER", "OLDER"])
        };
        assert_eq!(seconds(Some("60"), Some("30")).unwrap(), Some(Duration::from_mins(1)));
        assert_eq!(seconds(None, Some("30")).unwrap(), Some(Duration::from_secs(30)));
        assert_eq!(seconds(None, None).unwrap(), None);
        assert!(seconds(Some("60"), Some("soon")).unwrap_err().to_string().starts_with("OLDER is `soon`"));
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = "é".repeat(100);
        let error = Variables::new(|_| Some(long.as_str())).switch("SWITCH").unwrap_err();
        assert_eq!(error.to_string(), format!("SWITCH is `{}…`: expected true or false", "é".repeat(40)));
    }
}
