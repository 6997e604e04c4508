//! Explains TLS errors: the cause and the remedy.

use std::{error::Error, io};

use rustls::{AlertDescription, CertificateError, Error as TlsError};

/// Maximum depth of an error's causes to inspect.
const DEPTH_MAX: usize = 16;

/// Explains a TLS error, or another error's causes. Repeats nothing from the other side except the names in its
/// certificate.
pub fn explain(error: &(dyn Error + 'static)) -> String {
    match find(error) {
        Some(found) => format!("TLS failed: {}", cause_and_cure(found)),
        None => format!("TLS failed: {error}"),
    }
}

/// Whether an error is a TLS error.
pub fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    find(error).is_some()
}

/// The same for libraries that accept only a bundle of authorities: with the command for a suitable certificate.
pub fn with_openssl_line(error: &(dyn Error + 'static), host: &str) -> Option<String> {
    let found = find(error)?;
    let of_leaf = matches!(found, TlsError::InvalidCertificate(why) if is_authority(why) || is_unknown(why));
    let kind = if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
    let line = format!(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 825 -keyout server.key -out server.crt -subj '/CN={host}' \
         -addext 'subjectAltName={kind}:{host}' -addext 'basicConstraints=critical,CA:FALSE'"
    );
    let made = "A certificate that fits here is made by";
    Some(if of_leaf { format!("{}. {made}: {line}", explain(error)) } else { explain(error) })
}

/// The TLS error in a chain of causes.
fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    let mut next = Some(error);
    for _ in 0..DEPTH_MAX {
        let one = next?;
        if let Some(found) = one.downcast_ref::<TlsError>() {
            return Some(found);
        }
        // The error inside an I/O error is not its `source`.
        let carried = one.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = carried.map(|carried| carried as &(dyn Error + 'static)).or_else(|| one.source());
    }
    None
}

fn is_authority(why: &CertificateError) -> bool {
    matches!(why, CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity"))
}

fn is_unknown(why: &CertificateError) -> bool {
    matches!(why, CertificateError::UnknownIssuer)
}

fn cause_and_cure(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(why) => of_certificate(why),
        TlsError::InvalidMessage(_) | TlsError::InappropriateMessage { .. } => {
            "what answers does not speak TLS. If it is plain HTTP, the address begins with http://; else look at the port"
                .into()
        }
        TlsError::PeerIncompatible(_) => {
            "the two sides have no version or cipher of TLS in common. The server must offer TLS 1.2 or 1.3".into()
        }
        TlsError::AlertReceived(alert) => of_alert(*alert),
        TlsError::NoCertificatesPresented => "the server shows no certificate. Set one up there".into(),
        TlsError::FailedToGetCurrentTime => "this computer does not know what time it is. Set its clock".into(),
        other => format!("{other}. Look into the server's log"),
    }
}

fn of_certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => {
            "nobody whom this computer believes has signed the server's certificate. If it is self-signed or of an \
             authority of your own, name its file in the setting tls_ca_file; if not, the server may leave out the \
             certificate in between: it must send its whole chain"
                .into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("{}. Use a name that stands in it, or get one for this name", named(why))
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired. Renew it there; if it has not, this computer's clock is wrong".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet. This computer's clock or the server's was wrong when it was \
             made"
                .into()
        }
        CertificateError::Revoked => "the server's certificate was revoked. Get a new one".into(),
        CertificateError::BadEncoding => "the server's certificate can't be read. Make it anew (version 3)".into(),
        CertificateError::BadSignature => {
            "the server's certificate names an authority that is believed here, but was not signed by it. If it was \
             made anew, name its new file in the setting tls_ca_file"
                .into()
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the signature of the server's certificate is of a kind that is not safe any more (SHA-1, short keys). Make it anew with SHA-256 and RSA of 2048 bits or more"
                .into()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the server's certificate is not made for servers. Make it with extendedKeyUsage=serverAuth".into()
        }
        other if is_authority(other) => {
            "the server's certificate is one of an authority (CA:TRUE), not of a server. If it is self-signed, name \
             its file in the setting tls_ca_file"
                .into()
        }
        other => format!("the server's certificate is not accepted ({other}). Make it anew"),
    }
}

/// Maximum names of a certificate listed: large sites have hundreds.
const NAMES_TOLD: usize = 4;

fn named(why: &CertificateError) -> String {
    match why {
        CertificateError::NotValidForNameContext { expected, presented } if !presented.is_empty() => {
            let names = presented.iter().take(NAMES_TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = presented.len().saturating_sub(NAMES_TOLD);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("the server's certificate is not for {} but for {names}{more}", expected.to_str())
        }
        CertificateError::NotValidForNameContext { expected, .. } => {
            format!("the server's certificate names no host, so that it is not for {}", expected.to_str())
        }
        _ => "the server's certificate is for other names".into(),
    }
}

fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => {
            "the server refuses the versions or ciphers offered. It must offer TLS 1.2 or 1.3".into()
        }
        AlertDescription::UnrecognisedName => "the server knows no site of this name. Look at the address".into(),
        AlertDescription::CertificateRequired => {
            "the server asks for a client's certificate, which there is none".into()
        }
        other => format!("the server broke it off ({other:?}). Look into the server's log"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_found_wherever_it_stands() {
        let deep = io::Error::other(TlsError::InvalidCertificate(CertificateError::UnknownIssuer));
        assert!(explain(&deep).contains("tls_ca_file"), "{}", explain(&deep));
        let other = io::Error::other("a reset");
        assert_eq!(explain(&other), "TLS failed: a reset");
        assert_eq!(with_openssl_line(&other, "db"), None);
    }

    #[test]
    fn the_line_names_the_host() {
        let error = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        let of = |host| with_openssl_line(&error, host).expect("explained");
        assert!(of("db.test").contains("subjectAltName=DNS:db.test"));
        assert!(of("10.0.0.7").contains("subjectAltName=IP:10.0.0.7"));
        let expired = TlsError::InvalidCertificate(CertificateError::Expired);
        assert!(!with_openssl_line(&expired, "db").expect("explained").contains("openssl"));
    }
}
