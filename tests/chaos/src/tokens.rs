//! Session tokens on their way from the writing process to another one.

use cache_core::SessionToken;
use sqlx::Row as _;
use sqlx::postgres::PgPool;

/// A session token, and the write that it must show.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) group: u32,
    pub(crate) member: u32,
    pub(crate) write: u64,
    pub(crate) token: SessionToken,
}

/// Leaves a session token for the other processes.
pub(crate) async fn leave(pool: &PgPool, process: &str, handed: &Handed) -> Result<(), sqlx::Error> {
    let insert = "INSERT INTO tokens (process, family, member, write, token) VALUES ($1, $2, $3, $4, $5)";
    let insert = sqlx::query(insert).bind(process).bind(i64::from(handed.group)).bind(i64::from(handed.member));
    let insert = insert.bind(handed.write.cast_signed()).bind(handed.token.to_string());
    insert.execute(pool).await?;
    Ok(())
}

/// The latest session token from another process.
pub(crate) async fn take(pool: &PgPool, process: &str) -> Result<Option<Handed>, sqlx::Error> {
    let select = "SELECT family, member, write, token FROM tokens WHERE process <> $1 ORDER BY number DESC LIMIT 1";
    let Some(row) = sqlx::query(select).bind(process).fetch_optional(pool).await? else { return Ok(None) };
    let number = |name: &str| row.try_get::<i64, _>(name);
    let small = |name: &str| number(name).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let token: String = row.try_get("token")?;
    let token = token.parse().map_err(|error| sqlx::Error::Decode(Box::<cache_core::Error>::new(error)))?;
    Ok(Some(Handed {
        group: small("family")?,
        member: small("member")?,
        write: number("write")?.cast_unsigned(),
        token,
    }))
}
