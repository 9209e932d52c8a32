//! Encrypted connections, with rustls on a TCP connection of this crate.
//!
//! The client library could open them, but only with the cryptography provider that is installed in the process, and it
//! panics if that is ambiguous. This module passes the provider explicitly: no provider has to be installed, and an
//! installed one is not changed.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use crate::error::Error;
use crate::protocol::{TierError, TierErrorKind};

/// The address of a server over TLS, and the certificate authorities to trust.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    host: String,
    port: u16,
}

impl Tls {
    /// Prepares encrypted connections to a server.
    ///
    /// `roots` are certificates in PEM form that replace the public authorities; an empty slice keeps those.
    pub(super) fn new(host: &str, port: u16, roots: &[&str]) -> Result<Self, Error> {
        let name = server_name(host)?;
        let connector = TlsConnector::from(Arc::new(config(root_store(roots)?)?));
        Ok(Self { connector, name, host: host.to_owned(), port })
    }

    /// Prepares connections to another server, with the same authorities.
    pub(super) fn at(&self, host: &str, port: u16) -> Result<Self, TierError> {
        let name = server_name(host).map_err(|error| TierError::new(TierErrorKind::Encryption, error.to_string()))?;
        Ok(Self { connector: self.connector.clone(), name, host: host.to_owned(), port })
    }

    pub(super) async fn connect(&self) -> Result<TlsStream<TcpStream>, TierError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| lost(&error))?;
        stream.set_nodelay(true).map_err(|error| lost(&error))?;
        self.connector.connect(self.name.clone(), stream).await.map_err(|error| refused(&error))
    }
}

/// Parses the name that the server's certificate must be valid for.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| Error::config("the host of a rediss:// address is neither a name of the DNS nor an IP address"))
}

fn config(roots: RootCertStore) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| Error::config("this build has no version of TLS in common with its provider"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn root_store(roots: &[&str]) -> Result<RootCertStore, Error> {
    if roots.is_empty() {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    }
    let mut store = RootCertStore::empty();
    for pem in roots {
        let before = store.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            store.add(certificate.map_err(|_| no_certificate())?).map_err(|_| no_certificate())?;
        }
        if store.len() == before {
            return Err(no_certificate());
        }
    }
    Ok(store)
}

fn no_certificate() -> Error {
    Error::config("a root certificate of Redis does not parse: expected PEM, with a line BEGIN CERTIFICATE")
}

fn lost(error: &std::io::Error) -> TierError {
    TierError::new(TierErrorKind::Disconnected, error.to_string())
}

/// Converts a handshake error. It omits the names in the certificate, since the message reaches health and logs.
fn refused(error: &std::io::Error) -> TierError {
    let Some(reason) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return lost(error);
    };
    let text = match reason {
        rustls::Error::InvalidCertificate(reason) => format!("the server's certificate {}", fault(reason)),
        rustls::Error::InvalidMessage(_) => "the server does not answer in TLS".to_owned(),
        other => format!("no encrypted connection: {other}"),
    };
    TierError::new(TierErrorKind::Encryption, text)
}

fn fault(reason: &CertificateError) -> &'static str {
    match reason {
        // The signature does not match if another authority uses the name of a trusted one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => "is from an authority that is not trusted",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "is for another host",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet",
        CertificateError::Revoked => "was revoked",
        _ => "is not accepted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_certificate_is_refused() {
        for pem in ["", "canary", "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----\n"] {
            let error = Tls::new("h", 6379, &[pem]).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with("a root certificate of Redis does not parse") && !error.contains("canary"));
        }
    }

    #[test]
    fn the_name_to_be_verified_is_a_name_or_an_address() {
        for host in ["cache.internal", "127.0.0.1", "::1"] {
            assert!(server_name(host).is_ok(), "{host}");
        }
        assert!(server_name("h*st").is_err());
    }

    /// An application may install its own provider after the cache was built.
    #[test]
    fn no_provider_is_installed_for_the_process() {
        assert!(Tls::new("h", 6379, &[]).is_ok());
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    /// The message about a certificate for another host contains no names.
    #[test]
    fn a_certificate_for_another_host_is_reported_without_names() {
        let name = ServerName::try_from("canary.example").unwrap();
        let reason = CertificateError::NotValidForNameContext { expected: name, presented: vec!["canary".to_owned()] };
        let error = std::io::Error::other(rustls::Error::InvalidCertificate(reason));
        assert_eq!(refused(&error).to_string(), "the server's certificate is for another host");
    }
}
