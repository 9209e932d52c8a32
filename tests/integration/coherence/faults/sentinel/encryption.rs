//! Sentinels and servers over TLS.

use cache_core::{Cache, CacheBuilder};
use cache_tests::{Sentinel, allow_role, sentinel_url};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::super::super::register::CachingRegister;
use super::*;

const NAME: &str = "service";
const HOST: &str = "127.0.0.1";

/// A certificate and its key for this host.
fn certificate(authority: &CertifiedIssuer<'_, KeyPair>, host: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// Starts a sentinel and a server; the certificate of the server is for this host.
fn encrypted(server_is: &str) -> (RedisServer, Sentinel, CacheBuilder) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let (own, key) = certificate(&authority, server_is);
    let server = RedisServer::start_with_tls(&own, &key);
    allow_role(&server);
    let (own, key) = certificate(&authority, HOST);
    let sentinel = Sentinel::start_with_tls(&own, &key, &authority.pem());
    sentinel.watch(NAME, server.tls_port(), 1);
    let url = sentinel_url(NAME, &[sentinel.tls_port()]).replace("redis+", "rediss+");
    (server, sentinel, Cache::builder().redis(url).redis_root_certificate(authority.pem()))
}

#[tokio::test]
async fn sentinels_and_servers_are_reached_over_tls() {
    let (server, sentinel, builder) = encrypted(HOST);
    let cache = builder.build().unwrap();
    let _store = CachingRegister::new(Arc::new(Rows::default()), &cache);
    assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
    until("the sentinel is watched", || watches(&sentinel) == 1).await;
    assert!(clients(&server) > 0);
}

/// The sentinel names an address that the certificate of the server is not for.
#[tokio::test]
async fn the_certificate_of_the_server_is_for_what_the_sentinel_names() {
    let (_server, _sentinel, builder) = encrypted("localhost");
    let cache = builder.build().unwrap();
    let expected = "the server's certificate is for another host";
    let deadline = std::time::Instant::now() + PATIENCE;
    while cache.health().await.error.as_deref() != Some(expected) {
        assert!(std::time::Instant::now() < deadline, "{:?}", cache.health().await);
        tokio::task::yield_now().await;
    }
}
