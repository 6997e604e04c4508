use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection,
    mysql::{MySqlConnectOptions, MySqlConnection},
    postgres::{PgConnectOptions, PgConnection},
};

use crate::{Engine, PATIENCE};

/// A connection.
pub enum DatabaseClient {
    /// To MariaDB.
    MariaDb(Box<MySqlConnection>),
    /// To PostgreSQL.
    Postgres(Box<PgConnection>),
}

impl DatabaseClient {
    /// Connects, retrying while the server is starting.
    pub(crate) async fn patient(engine: Engine, url: &str) -> Self {
        let began = tokio::time::Instant::now();
        loop {
            match Self::connect(engine, url).await {
                Ok(client) => return client,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn connect(engine: Engine, url: &str) -> Result<Self, sqlx::Error> {
        Ok(match engine {
            Engine::MariaDb => {
                let options: MySqlConnectOptions = url.parse()?;
                let options = options.timezone(None).pipes_as_concat(false).no_engine_substitution(false);
                Self::MariaDb(Box::new(MySqlConnection::connect_with(&options).await?))
            }
            Engine::Postgres => {
                let options: PgConnectOptions = url.parse()?;
                Self::Postgres(Box::new(PgConnection::connect_with(&options).await?))
            }
        })
    }

    /// Queries a number until the condition holds.
    pub async fn wait_until(&mut self, select: &str, holds: impl Fn(i64) -> bool) {
        let wait = async {
            while !holds(self.number(select).await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain: {select}"));
    }

    /// Runs statements in sequence, as the ERP does.
    #[track_caller]
    pub fn run(&mut self, statements: &str) -> impl Future<Output = ()> {
        let statements = statements.to_owned();
        async move {
            self.try_run(&statements)
                .await
                .unwrap_or_else(|error| panic!("{error}: {}", &statements[..statements.len().min(300)]));
        }
    }

    /// The same for statements that may fail.
    ///
    /// # Errors
    /// The database's error.
    pub async fn try_run(&mut self, statements: &str) -> Result<(), sqlx::Error> {
        let raw = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        match self {
            Self::MariaDb(connection) => raw.execute(&mut **connection).await.map(drop),
            Self::Postgres(connection) => raw.execute(&mut **connection).await.map(drop),
        }
    }

    /// One number.
    pub async fn number(&mut self, select: &str) -> i64 {
        let select = AssertSqlSafe(select.to_owned());
        let number = match self {
            Self::MariaDb(connection) => sqlx::query_scalar(select).fetch_one(&mut **connection).await,
            Self::Postgres(connection) => sqlx::query_scalar(select).fetch_one(&mut **connection).await,
        };
        number.expect("a number")
    }

    /// One text per row.
    pub async fn texts(&mut self, select: &str) -> Vec<String> {
        let select = AssertSqlSafe(select.to_owned());
        let texts = match self {
            Self::MariaDb(connection) => sqlx::query_scalar(select).fetch_all(&mut **connection).await,
            Self::Postgres(connection) => sqlx::query_scalar(select).fetch_all(&mut **connection).await,
        };
        texts.expect("texts")
    }

    /// Closes it, as the ERP does at the end of a request.
    pub async fn close(self) {
        // It may be closed already.
        let _ = match self {
            Self::MariaDb(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        };
    }
}
