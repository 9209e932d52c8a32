//! The paths of the server programs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Debian's folder for the programs of each Postgres version, which are not in PATH.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// The packages missing for the servers of this crate: without them, starting one panics.
pub fn missing_servers() -> Vec<&'static str> {
    let redis = in_path("redis-server").is_none().then_some("redis-server");
    let postgres = newest_postgres("postgres").or_else(|| in_path("postgres")).is_none().then_some("postgresql");
    redis.into_iter().chain(postgres).collect()
}

/// The program `name` of the newest Postgres, or the one in PATH.
#[cfg(feature = "postgres")]
pub(crate) fn postgres(name: &str) -> PathBuf {
    newest_postgres(name).or_else(|| in_path(name)).unwrap_or_else(|| missing(name, "postgresql"))
}

/// The program `name` in PATH, from the package `package`.
pub(crate) fn find(name: &str, package: &str) -> PathBuf {
    in_path(name).unwrap_or_else(|| missing(name, package))
}

fn newest_postgres(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir(POSTGRES_VERSIONS).ok()?.flatten();
    let numbered = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin").join(name)))
    });
    numbered.filter(|(_, program)| program.is_file()).max().map(|(_, program)| program)
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn missing(name: &str, package: &str) -> ! {
    let folder = Path::new(POSTGRES_VERSIONS).display();
    panic!(
        "`{name}` is neither in PATH nor below {folder}: install it with `apt-get install {package}`, or run \
         scripts/install-servers"
    )
}
