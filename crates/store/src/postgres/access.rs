//! Tokens and users.

use async_trait::async_trait;
use gancho_model::{Scope, Session, SourceId, Timestamp, Token, TokenId, User, UserId};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    Db, PostgresStore, people,
    people::{SESSION, USER},
    rows,
};
use crate::{Access, StoreError, UserChange};

#[async_trait]
impl Access for PostgresStore {
    async fn add_token(&self, token: Token, digest: [u8; 32]) -> Result<(), StoreError> {
        self.write_now(true, async move |context| insert_token(&mut context.db, &token, &digest).await).await
    }

    async fn token(&self, digest: [u8; 32]) -> Result<Option<Token>, StoreError> {
        let mut db = self.read_now().await?;
        let select = AssertSqlSafe(format!("SELECT {TOKEN} FROM tokens WHERE digest = $1"));
        first!(db, select, digest.as_slice()).as_ref().map(token).transpose()
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let mut db = self.read_now().await?;
        let select = AssertSqlSafe(format!("SELECT {TOKEN} FROM tokens WHERE source IS NULL ORDER BY id"));
        all!(db, select).iter().map(token).collect()
    }

    async fn remove_token(&self, id: TokenId) -> Result<(), StoreError> {
        self.write_now(true, async move |context| {
            let delete = "DELETE FROM tokens WHERE id = $1 AND source IS NULL";
            let removed = run!(&mut context.db, delete, id.bytes().as_slice());
            if removed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
        })
        .await
    }

    async fn add_user(&self, user: User) -> Result<(), StoreError> {
        self.write_now(true, async move |context| people::add(&mut context.db, &user).await).await
    }

    async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        let mut db = self.read_now().await?;
        let select =
            format!("SELECT {USER} FROM users WHERE lower(name COLLATE \"C\") COLLATE \"C\" = lower($1 COLLATE \"C\")");
        first!(db, AssertSqlSafe(select), rows::storable(name)).as_ref().map(people::user).transpose()
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut db = self.read_now().await?;
        let select = format!("SELECT {USER} FROM users ORDER BY lower(name COLLATE \"C\") COLLATE \"C\"");
        all!(db, AssertSqlSafe(select)).iter().map(people::user).collect()
    }

    async fn change_user(&self, id: UserId, change: UserChange, keep: Option<[u8; 32]>) -> Result<(), StoreError> {
        self.write_now(true, async move |context| people::change(&mut context.db, id, &change, keep).await).await
    }

    async fn remove_user(&self, id: UserId) -> Result<(), StoreError> {
        self.write_now(true, async move |context| people::remove(&mut context.db, id).await).await
    }

    async fn add_session(&self, session: Session) -> Result<(), StoreError> {
        self.write_now(true, async move |context| people::add_session(&mut context.db, &session).await).await
    }

    async fn session(&self, digest: [u8; 32], now: Timestamp) -> Result<Option<(Session, User)>, StoreError> {
        let mut db = self.read_now().await?;
        let select = format!("SELECT {SESSION} FROM sessions WHERE digest = $1 AND expires_at > $2");
        let found = first!(db, AssertSqlSafe(select), digest.as_slice(), now.ms());
        let Some(session) = found.as_ref().map(people::session).transpose()? else { return Ok(None) };
        let select = format!("SELECT {USER} FROM users WHERE id = $1");
        let user = first!(db, AssertSqlSafe(select), session.user.bytes().as_slice());
        Ok(user.as_ref().map(people::user).transpose()?.map(|user| (session, user)))
    }

    async fn touch_session(&self, digest: [u8; 32], now: Timestamp, expires_at: Timestamp) -> Result<(), StoreError> {
        self.write_now(false, async move |context| {
            let update = "UPDATE sessions SET seen_at = $2, expires_at = $3 WHERE digest = $1";
            run!(&mut context.db, update, digest.as_slice(), now.ms(), expires_at.ms());
            Ok(())
        })
        .await
    }

    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let mut db = self.read_now().await?;
        let select =
            format!("SELECT {SESSION} FROM sessions WHERE owner = $1 AND expires_at > $2 ORDER BY created_at DESC");
        let found = all!(db, AssertSqlSafe(select), user.bytes().as_slice(), now.ms());
        found.iter().map(people::session).collect()
    }

    async fn end_session(&self, digest: [u8; 32]) -> Result<(), StoreError> {
        self.write_now(true, async move |context| {
            run!(&mut context.db, "DELETE FROM sessions WHERE digest = $1", digest.as_slice());
            Ok(())
        })
        .await
    }
}

const TOKEN: &str = "id, name, scope, source, created_at";

fn token(row: &PgRow) -> Result<Token, StoreError> {
    let scope = match rows::optional_id(row, 3)? {
        Some(source) => Scope::Source(SourceId::from_bytes(source)),
        None => Scope::parse(row.try_get(2)?).ok_or_else(|| rows::damaged("a token's scope"))?,
    };
    let id = TokenId::from_bytes(rows::id(row, 0)?);
    Ok(Token { id, name: row.try_get(1)?, scope, created_at: rows::time(row, 4)? })
}

pub(super) async fn insert_token(db: &mut Db, token: &Token, digest: &[u8; 32]) -> Result<(), StoreError> {
    let source = match token.scope {
        Scope::Source(source) => Some(source),
        _ => None,
    };
    let insert = "INSERT INTO tokens (id, name, scope, source, digest, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    run!(
        db,
        insert,
        token.id.bytes().as_slice(),
        rows::storable(&token.name),
        token.scope.as_str(),
        source.as_ref().map(|source| source.bytes().as_slice()),
        digest.as_slice(),
        token.created_at.ms(),
    );
    Ok(())
}
