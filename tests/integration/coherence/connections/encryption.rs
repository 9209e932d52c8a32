//! Redis over TLS, with a valid certificate and with each kind of invalid one.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;

use cache_core::{Cache, CacheBuilder, ErrorKind};
use cache_tests::RedisServer;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::super::register::Rows;
use super::{Instance, check, one_row, until};

/// A certificate authority for the test.
pub(in crate::coherence) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(in crate::coherence) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(in crate::coherence) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Starts a server with a certificate for this host.
    fn server(&self, host: &str) -> RedisServer {
        let (certificate, key) = self.certificate(host);
        RedisServer::start_with_tls(&certificate, &key)
    }

    /// A certificate for this host and its key, in PEM form.
    pub(in crate::coherence) fn certificate(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn trusting(authority: &Authority, url: String) -> CacheBuilder {
    Cache::builder().redis(url).redis_root_certificate(authority.pem())
}

async fn refusal(builder: CacheBuilder, rows: &Arc<Rows>) -> String {
    let instance = Instance::new(builder, rows);
    let output = instance.degraded().await;
    instance.cache.shutdown().await;
    output
}

#[tokio::test]
async fn both_tiers_work_over_an_encrypted_connection() {
    let authority = Authority::new();
    for host in ["localhost", "127.0.0.1"] {
        let server = authority.server(host);
        let builder = || trusting(&authority, server.tls_url(host));
        check([builder(), builder()]).await;
    }
}

/// The client library opens plain connections itself; the cache opens, watches and closes TLS ones.
#[tokio::test]
async fn an_encrypted_connection_closes_with_its_cache_and_its_loss_is_detected() {
    let authority = Authority::new();
    let mut server = authority.server("localhost");
    let rows = one_row();
    let clients = |server: &RedisServer| {
        let list = server.raw(&["CLIENT", "LIST"]).unwrap();
        list.lines().filter(|line| line.contains("user=tests")).count()
    };
    let dropped = Instance::connected(trusting(&authority, server.tls_url("localhost")), &rows).await;
    assert!(clients(&server) > 0);
    drop(dropped);
    until("the connection is closed", || clients(&server) == 0).await;
    let instance = Instance::connected(trusting(&authority, server.tls_url("localhost")), &rows).await;
    server.kill();
    instance.degraded().await;
}

/// With a server that rejects HELLO, the bus has its own connection, also encrypted.
#[tokio::test]
async fn resp2_works_over_an_encrypted_connection() {
    let authority = Authority::new();
    let server = authority.server("localhost");
    let secret = ["on", ">secret", "~*", "&*", "+@all", "-hello"];
    assert_eq!(server.raw(&[&["ACL", "SETUSER", "old"][..], &secret].concat()).unwrap(), "OK");
    let url = server.tls_url("localhost").replace("tests:", "old:");
    check([trusting(&authority, url.clone()), trusting(&authority, url)]).await;
}

#[tokio::test]
async fn a_rejected_certificate_degrades_with_a_reason() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let rows = one_row();
    let server = authority.server("localhost");
    for (builder, words) in [
        (
            trusting(&stranger, server.tls_url("localhost")),
            "the server's certificate is from an authority that is not trusted",
        ),
        (
            Cache::builder().redis(server.tls_url("localhost")),
            "the server's certificate is from an authority that is not trusted",
        ),
        (trusting(&authority, server.tls_url("127.0.0.1")), "the server's certificate is for another host"),
        (
            trusting(&authority, format!("rediss://localhost:{}", server_of_another_kind())),
            "the server does not answer in TLS",
        ),
    ] {
        assert_eq!(refusal(builder, &rows).await, words);
    }
}

/// Returns the port of a server that answers every client in clear text.
fn server_of_another_kind() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    port
}

/// The client sends no secret if the server does not offer the required encryption.
#[tokio::test]
async fn a_certificate_without_encryption_is_refused() {
    let authority = Authority::new();
    let error = trusting(&authority, "redis://h".to_owned()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.to_string(), "a root certificate of Redis is set, and the address is not one over TLS");
}
