//! The command line.

use std::time::Duration;

/// How much to do.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) operations: u64,
    /// The number of distinct keys.
    pub(crate) keys: u64,
    /// The limit on the time, which ends the work early.
    pub(crate) limit: Duration,
    pub(crate) seed: u64,
    /// Whether the store keeps what it returns: the control.
    pub(crate) leak: bool,
}

impl Options {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options =
            Self { operations: 100_000_000, keys: 10_000_000, limit: Duration::from_mins(10), seed: 1, leak: false };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            let mut number = || {
                let text = arguments.next().ok_or_else(|| format!("{name} needs a number"))?;
                text.parse::<u64>().map_err(|_| format!("{name}: {text} is no number"))
            };
            match name.as_str() {
                "--operations" => options.operations = number()?,
                "--keys" => options.keys = number()?.max(1),
                "--seconds" => options.limit = Duration::from_secs(number()?),
                "--seed" => options.seed = number()?,
                "--leak" => options.leak = true,
                _ => return Err(format!("{name}: expected --operations, --keys, --seconds, --seed or --leak")),
            }
        }
        Ok(options)
    }
}
