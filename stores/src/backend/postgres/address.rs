//! Connection strings of Postgres, with parameters that the driver does not know.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// The port on which Supabase's and similar poolers run in transaction mode.
const TRANSACTION_POOLER_PORT: u16 = 6543;
const SUPABASE_POOLER: &str = ".pooler.supabase.com";

/// The parameter for a pooler in transaction mode, used by Prisma and Supabase.
const PGBOUNCER: &str = "pgbouncer";

/// The parameters that the driver takes.
const DRIVERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Parameters of other drivers that hosts put into their connection strings.
///
/// They are removed before the driver sees them, since it would log their values.
const OTHER_DRIVERS: [&str; 8] = [
    "channel_binding",
    "connect_timeout",
    "connection_limit",
    "pool_timeout",
    "sslnegotiation",
    "supa",
    "target_session_attrs",
    "uselibpqcompat",
];

/// The kind of connection between a client and its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionKind {
    /// A session of the server for each connection.
    Direct,
    /// A pooler that keeps a session for the whole of each connection.
    SessionPooler,
    /// A pooler that assigns a session to each transaction.
    ///
    /// Settings, locks, prepared statements and subscriptions of a connection do not survive into its next transaction.
    TransactionPooler,
}

impl ConnectionKind {
    /// Whether prepared statements may be reused.
    pub(super) fn keeps_statements(self) -> bool {
        self != Self::TransactionPooler
    }

    /// Whether migrations can run: they hold a lock from one transaction to the next.
    pub(crate) fn keeps_locks(self) -> bool {
        self != Self::TransactionPooler
    }

    /// The pooling of an address. The parameter `explicit` overrides the port.
    fn of(host: &str, port: u16, explicit: Option<bool>) -> Self {
        match explicit {
            Some(true) => Self::TransactionPooler,
            None if port == TRANSACTION_POOLER_PORT => Self::TransactionPooler,
            _ if host.ends_with(SUPABASE_POOLER) => Self::SessionPooler,
            _ => Self::Direct,
        }
    }
}

/// A parsed connection string.
#[derive(Clone)]
pub(crate) struct PostgresAddress {
    pub(super) options: PgConnectOptions,
    pub(crate) kind: ConnectionKind,
}

/// The reason to refuse a connection string.
///
/// Its text contains no part of the string, which holds a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// The driver cannot parse it.
    Malformed,
    /// It has an unknown parameter.
    UnknownParameter,
    /// `pgbouncer` is neither `true` nor `false`.
    Pgbouncer,
}

impl AddressError {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Malformed => {
                "does not parse: expected postgres://user:password@host:port/database, with `%` and two hexadecimal \
                 digits for each special character of the password"
            }
            Self::UnknownParameter => {
                "has a parameter behind `?` that is not known: expected those of libpq such as sslmode, or \
                 pgbouncer=true; a `?` in the password is written %3F"
            }
            Self::Pgbouncer => "has a parameter `pgbouncer` that is neither true nor false",
        }
    }
}

impl PostgresAddress {
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let parameters = Parameters::parse(query)?;
        let options = PgConnectOptions::from_str(&parameters.behind(base)).map_err(|_| AddressError::Malformed)?;
        let kind = ConnectionKind::of(options.get_host(), options.get_port(), parameters.pgbouncer);
        Ok(Self { options, kind })
    }
}

/// The parameters of a connection string, by their recipient.
#[derive(Default)]
struct Parameters<'a> {
    for_driver: Vec<&'a str>,
    pgbouncer: Option<bool>,
}

impl<'a> Parameters<'a> {
    fn parse(query: &'a str) -> Result<Self, AddressError> {
        let mut parameters = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name == PGBOUNCER {
                parameters.pgbouncer = Some(value.parse().map_err(|_| AddressError::Pgbouncer)?);
            } else if DRIVERS.contains(&name) || is_option(name) {
                parameters.for_driver.push(pair);
            } else if OTHER_DRIVERS.contains(&name) {
                tracing::warn!(parameter = name, "a parameter of the database's address has no effect here");
            } else {
                return Err(AddressError::UnknownParameter);
            }
        }
        Ok(parameters)
    }

    fn behind(&self, base: &str) -> String {
        if self.for_driver.is_empty() { base.to_owned() } else { format!("{base}?{}", self.for_driver.join("&")) }
    }
}

/// `options[name]`, with brackets that may be escaped.
fn is_option(name: &str) -> bool {
    let name = name.replace("%5B", "[").replace("%5b", "[").replace("%5D", "]").replace("%5d", "]");
    name.strip_prefix("options[").is_some_and(|rest| rest.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOLER: &str = "postgres://postgres.abcdef:pw@aws-0-eu-central-1.pooler.supabase.com";
    const DIRECT: &str = "postgres://postgres:pw@db.abcdef.supabase.co";

    #[test]
    fn a_pooler_is_recognized_by_its_address() {
        for (base, rest, kind) in [
            (DIRECT, ":5432/postgres", ConnectionKind::Direct),
            (DIRECT, "/postgres", ConnectionKind::Direct),
            (DIRECT, ":6543/postgres", ConnectionKind::TransactionPooler),
            (POOLER, ":5432/postgres", ConnectionKind::SessionPooler),
            (POOLER, ":6543/postgres", ConnectionKind::TransactionPooler),
            (POOLER, ":6543/postgres?pgbouncer=true", ConnectionKind::TransactionPooler),
            (POOLER, ":6543/postgres?pgbouncer=true&connection_limit=1", ConnectionKind::TransactionPooler),
            (POOLER, ":6543/postgres?sslmode=require&supa=base-pooler.x", ConnectionKind::TransactionPooler),
            (POOLER, ":5432/postgres?sslmode=require&pgbouncer=false", ConnectionKind::SessionPooler),
            ("postgres://u:p@pgbouncer.internal", ":6432/db?pgbouncer=true", ConnectionKind::TransactionPooler),
            ("postgres://u:p@pgbouncer.internal", ":6432/db", ConnectionKind::Direct),
            ("postgres://u:p@10.0.0.7", ":6543/db", ConnectionKind::TransactionPooler),
            ("postgres://u:p@10.0.0.7", ":6543/db?pgbouncer=false", ConnectionKind::Direct),
            ("postgres://u:p@localhost", "/db", ConnectionKind::Direct),
            ("postgres://u:p@pooler.supabase.com.example", "/db", ConnectionKind::Direct),
        ] {
            let address =
                PostgresAddress::parse(&format!("{base}{rest}")).unwrap_or_else(|why| panic!("{rest}: {why:?}"));
            assert_eq!(address.kind, kind, "{base}{rest}");
        }
    }

    #[test]
    fn the_driver_receives_only_its_own_parameters() {
        let url = "postgres://u:p@h/db?pgbouncer=true&application_name=app&supa=x&options[a.b]=c&options%5Bd.e%5D=f";
        let options = PostgresAddress::parse(url).unwrap().options;
        assert_eq!(options.get_application_name(), Some("app"));
        assert_eq!(options.get_options(), Some("-c a.b=c -c d.e=f"));
    }

    #[test]
    fn an_address_that_cannot_be_parsed_is_refused() {
        for (url, why) in [
            ("postgres://u:canary@h:port/db", AddressError::Malformed),
            ("postgres://u:can/ary@h/db", AddressError::Malformed),
            ("postgres://u:p@h/db?sslmode=perhaps", AddressError::Malformed),
            ("postgres://u:p@h/db?pgbouncer=1", AddressError::Pgbouncer),
            ("postgres://u:p@h/db?pgbouncer", AddressError::Pgbouncer),
            ("postgres://u:p@h/db?pasword=canary", AddressError::UnknownParameter),
            ("postgres://u:12?canary@h/db", AddressError::UnknownParameter),
        ] {
            assert_eq!(PostgresAddress::parse(url).map(|address| address.kind), Err(why), "{url}");
        }
    }
}
