//! Parses the database's address (`database_url`).

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::OpenError;

/// Parses an address. These authorities (PEM) apply where it asks to verify the server and names none itself.
pub(super) fn connect_options(url: &str, authorities: Option<Vec<u8>>) -> Result<PgConnectOptions, OpenError> {
    let wrong = "its address can't be read: postgres://user:password@host/name?sslmode=verify-full";
    let address: PgConnectOptions = url.parse().map_err(|_| OpenError::Unusable(wrong.into()))?;
    // The driver would resolve an IPv6 address with its brackets as a host name.
    let bare = address.get_host().strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::to_owned);
    let address = match bare {
        Some(host) => address.host(&host),
        None => address,
    };
    let names_authority = ["sslrootcert=", "ssl-root-cert=", "ssl-ca="].iter().any(|name| url.contains(name));
    let verifies = matches!(address.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    Ok(match authorities {
        Some(authorities) if verifies && !names_authority => address.ssl_root_cert_from_pem(authorities),
        _ => address,
    })
}

#[cfg(test)]
mod tests {
    use super::connect_options;

    #[test]
    fn hosts_in_brackets_and_what_can_t_be_read() {
        let host = |url: &str| connect_options(url, None).map(|address| address.get_host().to_owned());
        assert_eq!(host("postgres://u:p@[::1]:5432/g").expect("good"), "::1");
        assert_eq!(host("postgres://u:p@db.example/g").expect("good"), "db.example");
        for bad in ["", "db", "postgres://u:topsecret@db:x/g", "postgres://u:topsecret@db/g?sslmode=maybe"] {
            let error = host(bad).expect_err(bad).to_string();
            assert!(error.contains("can't be read") && !error.contains("topsecret"), "{error}");
        }
    }
}
