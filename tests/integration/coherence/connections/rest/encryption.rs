//! The same over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use cache_core::{Cache, CacheBuilder, ErrorKind};
use cache_tests::RestServer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use super::super::encryption::Authority;
use super::{Instance, check, one_row};

/// Ends the encryption in front of a server.
struct Terminator {
    addr: SocketAddr,
    task: AbortHandle,
}

impl Terminator {
    async fn start(authority: &Authority, upstream: SocketAddr) -> Self {
        let (certificate, key) = authority.certificate("localhost");
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut server = TcpStream::connect(upstream).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { addr, task: task.abort_handle() }
    }

    fn builder(&self, server: &RestServer) -> CacheBuilder {
        let url = format!("https://localhost:{}", self.addr.port());
        Cache::builder().redis(url).redis_password(server.token())
    }
}

impl Drop for Terminator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn both_tiers_work_over_https() {
    let (authority, server) = (Authority::new(), RestServer::start());
    let front = Terminator::start(&authority, server.addr()).await;
    let trusting = || front.builder(&server).redis_root_certificate(authority.pem());
    check([trusting(), trusting()]).await;
}

/// The token is sent to no server whose certificate is not accepted.
#[tokio::test]
async fn a_rejected_certificate_degrades_with_a_reason() {
    let (authority, server) = (Authority::new(), RestServer::start());
    let front = Terminator::start(&authority, server.addr()).await;
    let instance = Instance::new(front.builder(&server), &one_row());
    assert_eq!(instance.degraded().await, "the server's certificate is from an authority that is not trusted");
    assert_eq!(server.requests(), []);
}

#[tokio::test]
async fn a_certificate_without_encryption_is_refused() {
    let (authority, server) = (Authority::new(), RestServer::start());
    let builder = Cache::builder().redis(server.url()).redis_password(server.token());
    let error = builder.redis_root_certificate(authority.pem()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.to_string(), "a root certificate of Redis is set, and the address is not one over TLS");
}
