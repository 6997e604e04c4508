use gancho_model::{Message, Source};
use sqlx::{
    mysql::{MySqlConnectOptions, MySqlSslMode},
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

use super::ErpError;
use crate::obstacle::Obstacle;

/// The kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// MariaDB.
    MariaDb,
    /// PostgreSQL.
    Postgres,
}

/// The address of the ERP's database, with credentials.
#[derive(Clone, Debug)]
pub struct Address {
    engine: Engine,
    url: Url,
}

impl Address {
    /// The address of a source.
    pub(crate) fn of(source: &Source) -> Result<Self, Message> {
        let url = source.url.as_ref().ok_or_else(|| Message::new("error-database-url"))?;
        Self::parse(url.expose())
    }

    /// Parses `mysql://USER:PASSWORD@HOST[:PORT]/DATABASE`, or the same with `mariadb://` or `postgres://`.
    ///
    /// # Errors
    /// What is wrong, without repeating the address: it may contain a password.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let shape = || Message::new("error-database-shape");
        let url = Url::parse(text).map_err(|_| shape())?;
        let engine = match url.scheme() {
            "mysql" | "mariadb" => Engine::MariaDb,
            "postgres" | "postgresql" => Engine::Postgres,
            _ => return Err(shape()),
        };
        if url.path().trim_matches('/').is_empty() {
            return Err(Message::new("error-database-name"));
        }
        Ok(Self { engine, url })
    }

    /// The kind of database.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Whether both are the same database, regardless of the account.
    pub fn same_database(&self, other: &Self) -> bool {
        let place = |one: &Self| {
            let port = one.url.port().unwrap_or(if one.engine == Engine::MariaDb { 3306 } else { 5432 });
            let host = one.url.host_str().unwrap_or("localhost").to_ascii_lowercase();
            let host = if host == "127.0.0.1" || host.is_empty() { "localhost".to_owned() } else { host };
            let asked =
                |name: &str| one.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
            (one.engine, host, port, one.url.path().to_owned(), asked("socket"), asked("host"))
        };
        place(self) == place(other)
    }

    pub(super) fn mariadb(&self) -> Result<MySqlConnectOptions, String> {
        let mut url = self.url.clone();
        // The driver only knows this scheme.
        let _ = url.set_scheme("mysql");
        let options: MySqlConnectOptions = url.as_str().parse().map_err(wrong)?;
        let options = match self.ipv6() {
            Some(host) => options.host(&host),
            None => options,
        };
        // Keep the session like the ERP's own: the driver would set the time zone to UTC, which changes timestamps, and
        // an `sql_mode` that changes operators.
        let options = options.timezone(None).pipes_as_concat(false).no_engine_substitution(false);
        Ok(match options.get_ssl_mode() {
            MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity if !self.names_authority() => {
                options.ssl_ca_from_pem(gancho_trust::get().bundle().to_vec())
            }
            _ => options,
        })
    }

    pub(super) fn postgres(&self) -> Result<PgConnectOptions, String> {
        let options: PgConnectOptions = self.url.as_str().parse().map_err(wrong)?;
        let options = match self.ipv6() {
            Some(host) => options.host(&host),
            None => options,
        };
        let options = options.application_name("gancho");
        Ok(match options.get_ssl_mode() {
            PgSslMode::VerifyCa | PgSslMode::VerifyFull if !self.names_authority() => {
                options.ssl_root_cert_from_pem(gancho_trust::get().bundle().to_vec())
            }
            _ => options,
        })
    }

    /// An IPv6 address as sockets need it: the drivers would resolve it with brackets as a host name.
    fn ipv6(&self) -> Option<String> {
        let host = self.url.host_str()?.strip_prefix('[')?.strip_suffix(']')?;
        Some(host.to_owned())
    }

    /// Whether it names its certificate authority.
    fn names_authority(&self) -> bool {
        const NAMES: [&str; 5] = ["ssl-ca", "sslca", "sslrootcert", "ssl-root-cert", "ssl_ca"];
        self.url.query_pairs().any(|(name, _)| NAMES.contains(&&*name))
    }

    /// The reason why it can't be reached, with the driver's message.
    pub(super) fn unreachable(&self, error: &sqlx::Error) -> ErpError {
        let host = self.url.host_str().unwrap_or("localhost");
        let why = match error {
            sqlx::Error::Database(cause) => cause.message().to_owned(),
            other => gancho_trust::with_openssl_line(other, host).unwrap_or_else(|| other.to_string()),
        };
        ErpError::Unreachable(Obstacle::of_database(error), why)
    }
}

fn wrong(_: sqlx::Error) -> String {
    "the address can't be read: look at the parts after the question mark".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(Address::parse("mysql://u:p@db/fs").map(|one| one.engine()), Ok(Engine::MariaDb));
        assert_eq!(Address::parse("postgresql://u:p@db/fs").map(|one| one.engine()), Ok(Engine::Postgres));
        for bad in ["", "db", "http://db/fs", "mysql://u:topsecret@db", "mysql://u:topsecret@db:x/fs"] {
            let error = Address::parse(bad).expect_err(bad);
            assert!(!error.to_string().contains("topsecret"));
        }
        let same = |one: &str, other: &str| {
            Address::parse(one).expect("good").same_database(&Address::parse(other).expect("good"))
        };
        assert!(same("mysql://u:p@localhost/fs", "mariadb://other:x@127.0.0.1:3306/fs"));
        assert!(!same("mysql://u:p@localhost/fs", "mysql://u:p@localhost/fs2"));
        assert!(!same("mysql://u:p@localhost/fs", "postgres://u:p@localhost/fs"));
    }
}
