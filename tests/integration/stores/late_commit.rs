//! R17: a commit that reaches the database late must fail.
//!
//! The lock on the cache entry has expired by that time, and readers may hold the value from before it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use cache_core::WriteError;
use cache_tests::PostgresServer;
use stores::policy::{PolicyStore, PostgresPolicyStore, TenantPolicy};
use stores::{StoreErrorKind, TenantId};

use super::fixtures::{self, SCHEMA};

/// Longer than the server's timeout for an idle client within a write, set by `backend/write.rs`.
const HOLD: Duration = Duration::from_millis(2500);

/// Fails if the write does not set `idle_in_transaction_session_timeout`: the held commit succeeds.
#[tokio::test]
async fn a_commit_delayed_in_transit_does_not_happen() {
    let server = PostgresServer::shared();
    let url = server.create_database().await.url_with_schema(SCHEMA);
    let pool = fixtures::pool(&url).await;
    stores::migrate(&pool).await.unwrap();
    let direct = PostgresPolicyStore::new(pool);
    let before = TenantPolicy::new(TenantId::random(), "before", "p");
    direct.set_policy(&before).await.unwrap();

    let proxy = hold_commits(server.port());
    let through_proxy = url.replace(&format!(":{}/", server.port()), &format!(":{proxy}/"));
    let held = PostgresPolicyStore::new(fixtures::pool(&through_proxy).await);
    let after = TenantPolicy { default_model: "after".into(), ..before.clone() };
    let error = held.set_policy(&after).await.unwrap_err();

    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    assert!(!error.not_written(), "whether a commit that was sent happened is not for the writer to know");
    let found = direct.get_policy(before.tenant_id).await.unwrap();
    assert_eq!(found.as_deref(), Some(&before), "the server had ended the transaction");
}

/// Forwards to `server` from the returned port, and delays each commit.
fn hold_commits(server: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { return };
            let (client_reads, server_reads) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass_on(client_reads, server, HOLD));
            thread::spawn(move || pass_on(server_reads, client, Duration::ZERO));
        }
    });
    port
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, hold: Duration) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if bytes[..length].windows(6).any(|word| word == b"COMMIT") {
            thread::sleep(hold);
        }
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
