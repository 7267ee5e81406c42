//! Encrypts a connection, so that each way in which that fails is told in words.

use std::io;
use std::sync::{Arc, OnceLock};

use evenkeel_core::config::ServerAddress;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Encrypts `stream`, if the server shows a certificate for its name or address by somebody whom
/// this machine trusts. What was wrong, in words, if not; waits for the server as long as it takes.
pub(super) async fn encrypt(
    stream: TcpStream,
    address: &ServerAddress,
) -> Result<TlsStream<TcpStream>, Failure> {
    let name = ServerName::try_from(address.host().to_owned())
        .map_err(|_| Failure::Tls(format!("{:?} is no name for TLS", address.host())))?;
    let connector = TlsConnector::from(config().await);
    connector.connect(name, stream).await.map_err(|error| told(&error, address))
}

/// Why a connection is not encrypted.
#[derive(Debug)]
pub(super) enum Failure {
    /// The two did not agree.
    Tls(String),
    /// The connection ended meanwhile.
    Connection(io::Error),
}

/// This machine's trusted certificates; read once. `SSL_CERT_FILE` and `SSL_CERT_DIR` name others,
/// as for OpenSSL.
async fn config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let load = || Arc::clone(CONFIG.get_or_init(|| Arc::new(load())));
    let loaded = tokio::task::spawn_blocking(load).await;
    loaded.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn load() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    // One that cannot be read or understood is not trusted; that is what the user is told then.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("ring has what TLS 1.2 and 1.3 need");
    config.with_root_certificates(roots).with_no_client_auth()
}

fn told(error: &io::Error, address: &ServerAddress) -> Failure {
    let tls = error.get_ref().and_then(|it| it.downcast_ref::<Error>());
    let words = match tls {
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Failure::Connection(io::Error::new(
                error.kind(),
                "the server closed the connection when it was asked for TLS",
            ));
        }
        None => return Failure::Connection(io::Error::new(error.kind(), error.to_string())),
        Some(Error::InvalidMessage(_)) => super::NO_TLS.to_owned(),
        Some(Error::InvalidCertificate(why)) => bad_certificate(why, address),
        Some(other) => other.to_string(),
    };
    Failure::Tls(words)
}

fn bad_certificate(why: &CertificateError, address: &ServerAddress) -> String {
    let name = address.host();
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired ({why})")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("its certificate is not valid yet ({why})")
        }
        CertificateError::UnknownIssuer => {
            "its certificate is signed by somebody whom this machine does not trust; SSL_CERT_FILE \
             names the certificates to trust"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is for another name than {name} ({why})")
        }
        other => format!("its certificate is not accepted: {other}"),
    }
}
