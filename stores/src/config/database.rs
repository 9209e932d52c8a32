//! The database and the schema of the stores.

use std::fmt;

use cache_core::Variables;

use super::wrong;
use crate::StoreError;
#[cfg(feature = "postgres")]
use crate::backend::postgres::PostgresAddress;

const URL: &str = "DATABASE_URL";
const SCHEMA: &str = "DATABASE_SCHEMA";
const DEFAULT_SCHEMA: &str = "copilot_internal";

/// The longest name. Postgres truncates longer ones.
const LONGEST_NAME: usize = 63;

/// The kind of installation (`APP_ENV`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum AppEnv {
    /// A developer's machine. The default.
    Development,
    /// A run of tests.
    Test,
    /// Production: a database in memory is refused.
    Production,
}

impl AppEnv {
    fn read(variables: &Variables<'_>) -> Result<Self, StoreError> {
        let expected = "development, test or production";
        let app_env = variables.parse("APP_ENV", expected, |word| match word.to_ascii_lowercase().as_str() {
            "development" => Some(Self::Development),
            "test" => Some(Self::Test),
            "production" => Some(Self::Production),
            _ => None,
        });
        Ok(app_env?.unwrap_or(Self::Development))
    }
}

#[derive(Clone)]
pub(crate) enum Database {
    Memory,
    #[cfg(feature = "sqlite")]
    Sqlite(Box<sqlx::sqlite::SqliteConnectOptions>, Keeps),
    #[cfg(feature = "postgres")]
    Postgres {
        address: Box<PostgresAddress>,
        schema: String,
    },
}

/// Whether a SQLite database is a file or in memory.
#[cfg(feature = "sqlite")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    File,
    Nothing,
}

impl Database {
    pub(super) fn read(variables: &Variables<'_>) -> Result<Self, StoreError> {
        let app_env = AppEnv::read(variables)?;
        let schema = schema(variables)?;
        let database = match variables.text(URL)? {
            Some(url) => Self::parse(&url, schema)?,
            None => Self::Memory,
        };
        database.check_for(app_env)
    }

    fn parse(url: &str, schema: String) -> Result<Self, StoreError> {
        // Without the driver's own words: they may quote a part of the URL.
        match scheme(url) {
            Some("postgres" | "postgresql") => Self::postgres(url, schema),
            Some("sqlite") => Self::sqlite(url),
            Some(other) if url.contains("://") && other.len() <= 16 => {
                Err(wrong(format!("{URL} starts with `{other}:`: expected postgres:// or sqlite://")))
            }
            _ => Err(wrong(format!("{URL} is no URL: expected postgres:// or sqlite://"))),
        }
    }

    #[cfg(feature = "postgres")]
    fn postgres(url: &str, schema: String) -> Result<Self, StoreError> {
        match PostgresAddress::parse(url) {
            Ok(address) => Ok(Self::Postgres { address: Box::new(address), schema }),
            Err(why) => Err(wrong(format!("{URL} {}", why.text()))),
        }
    }

    #[cfg(not(feature = "postgres"))]
    fn postgres(_: &str, _: String) -> Result<Self, StoreError> {
        Err(wrong(format!("{URL} names a Postgres: this program was built without the feature `postgres` of `stores`")))
    }

    #[cfg(feature = "sqlite")]
    fn sqlite(url: &str) -> Result<Self, StoreError> {
        match url.parse() {
            Ok(options) => Ok(Self::Sqlite(Box::new(options), Keeps::of(url))),
            Err(_) => Err(wrong(format!("{URL} does not parse: expected sqlite://path/to/file"))),
        }
    }

    #[cfg(not(feature = "sqlite"))]
    fn sqlite(_: &str) -> Result<Self, StoreError> {
        Err(wrong(format!("{URL} names a SQLite: this program was built without the feature `sqlite` of `stores`")))
    }

    fn check_for(self, app_env: AppEnv) -> Result<Self, StoreError> {
        let what = match self {
            _ if app_env != AppEnv::Production => return Ok(self),
            Self::Memory => "is not set",
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_, Keeps::Nothing) => "names a database in memory",
            #[cfg(any(feature = "postgres", feature = "sqlite"))]
            _ => return Ok(self),
        };
        Err(wrong(format!("{URL} {what}, and APP_ENV is production: expected postgres:// or a file behind sqlite://")))
    }
}

/// Shows the kind of database, and no part of its address.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("Memory"),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_, keeps) => f.debug_tuple("Sqlite").field(keeps).finish(),
            #[cfg(feature = "postgres")]
            Self::Postgres { address, schema } => {
                let mut shown = f.debug_struct("Postgres");
                shown.field("schema", schema).field("kind", &address.kind).finish_non_exhaustive()
            }
        }
    }
}

#[cfg(feature = "sqlite")]
impl Keeps {
    fn of(url: &str) -> Self {
        if url.contains(":memory:") || url.contains("mode=memory") { Self::Nothing } else { Self::File }
    }
}

fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let fits = scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    fits.then_some(scheme)
}

/// Reads the name of the schema, which must need no quotes.
///
/// The name is part of the options of every connection.
fn schema(variables: &Variables<'_>) -> Result<String, StoreError> {
    let expected = "a lower-case letter or _, then lower-case letters, digits and _, 63 characters at most";
    let name = variables.parse(SCHEMA, expected, |name| is_plain(name).then(|| name.to_owned()));
    Ok(name?.unwrap_or_else(|| DEFAULT_SCHEMA.to_owned()))
}

fn is_plain(name: &str) -> bool {
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let continues = name.chars().all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_');
    starts && continues && name.len() <= LONGEST_NAME
}
