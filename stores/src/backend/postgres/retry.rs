//! A second attempt for statements that encounter a closed connection.
//!
//! A restart of the server closes every pooled connection, and the pool still hands out each of them once: it does not
//! test them first, which would cost a round trip for each call. A read runs a second time, on a connection that has
//! just answered. A write is attempted again only if its transaction could not begin, since then nothing is in the
//! database.

use std::io;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgPool, Postgres, Transaction};

/// The pause between two attempts to connect.
///
/// A server that is shutting down accepts connections and closes them at once.
const PAUSE: Duration = Duration::from_millis(20);

/// A connection for a second attempt, if the first one failed with `error` because its connection was closed.
///
/// # Errors
///
/// `error` itself if the connection was not closed.
pub(super) async fn reconnect(pool: &PgPool, error: sqlx::Error) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    if is_closed(&error) { answering(pool).await } else { Err(error) }
}

/// Begins a transaction with `statement`; tries another connection if one was closed.
///
/// The pool drops the closed ones, so there are at most as many attempts as connections, and one on a new connection.
pub(super) async fn begin(
    pool: &PgPool,
    statement: &'static str,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    for _ in 0..pool.size() {
        match pool.begin_with(statement).await {
            Err(error) if is_closed(&error) => {}
            begun => return begun,
        }
    }
    pool.begin_with(statement).await
}

/// A connection that has just answered. Connections that do not answer are dropped.
async fn answering(pool: &PgPool) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    let search = async {
        loop {
            match pool.acquire().await {
                Ok(mut connection) => match connection.ping().await {
                    Ok(()) => return Ok(connection),
                    Err(_) => drop(connection.detach()),
                },
                Err(error) if is_closed(&error) => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
    };
    let limit = pool.options().get_acquire_timeout();
    tokio::time::timeout(limit, search).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Whether the server, a pooler or the network closed the connection.
fn is_closed(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => is_closed_stream(error.kind()),
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_end_of_session(&code)),
        _ => false,
    }
}

fn is_closed_stream(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

/// Whether a server or a pooler ends a session with this code.
///
/// The codes are those of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn is_end_of_session(code: &str) -> bool {
    // Shut down by an administrator, after a crash, before the start has completed; idle for too long.
    matches!(code, "57P01" | "57P02" | "57P03" | "57P05") || code.starts_with("08")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_close_a_connection() {
        for (code, closed) in [
            ("57P01", true),
            ("57P02", true),
            ("57P03", true),
            ("57P05", true),
            ("08006", true),
            ("57014", false),
            ("25P03", false),
            ("40001", false),
            ("53300", false),
            ("", false),
        ] {
            assert_eq!(is_end_of_session(code), closed, "{code}");
        }
        let io = |kind: io::ErrorKind| is_closed(&sqlx::Error::Io(kind.into()));
        assert!(io(io::ErrorKind::UnexpectedEof) && io(io::ErrorKind::ConnectionReset));
        assert!(!io(io::ErrorKind::ConnectionRefused) && !io(io::ErrorKind::HostUnreachable));
        assert!(!is_closed(&sqlx::Error::PoolTimedOut) && !is_closed(&sqlx::Error::PoolClosed));
    }
}
