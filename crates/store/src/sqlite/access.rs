//! Tokens and users.

use async_trait::async_trait;
use gancho_model::{Scope, Session, SourceId, Timestamp, Token, TokenId, User, UserId};
use rusqlite::{Connection, Row, params};

use super::{SqliteStore, people, rows};
use crate::{Access, StoreError, UserChange};

#[async_trait]
impl Access for SqliteStore {
    async fn add_token(&self, token: Token, digest: [u8; 32]) -> Result<(), StoreError> {
        self.write_now(true, move |context| insert_token(&context.db, &token, &digest)).await
    }

    async fn token(&self, digest: [u8; 32]) -> Result<Option<Token>, StoreError> {
        self.read_now(move |db| {
            let mut select = db.prepare_cached(&format!("SELECT {TOKEN} FROM tokens WHERE digest = ?1"))?;
            let mut found = select.query([digest])?;
            found.next()?.map(token).transpose()
        })
        .await
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read_now(move |db| {
            let mut select =
                db.prepare_cached(&format!("SELECT {TOKEN} FROM tokens WHERE source IS NULL ORDER BY id"))?;
            let mut found = select.query([])?;
            let mut tokens = vec![];
            while let Some(row) = found.next()? {
                tokens.push(token(row)?);
            }
            Ok(tokens)
        })
        .await
    }

    async fn remove_token(&self, id: TokenId) -> Result<(), StoreError> {
        self.write_now(true, move |context| {
            let removed = context.db.execute("DELETE FROM tokens WHERE id = ?1 AND source IS NULL", [id.bytes()])?;
            if removed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
        })
        .await
    }

    async fn add_user(&self, user: User) -> Result<(), StoreError> {
        self.write_now(true, move |context| people::add(&context.db, &user)).await
    }

    async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        let name = name.to_owned();
        self.read_now(move |db| people::users(db, "name = ?1", [name]).map(|mut found| found.pop())).await
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read_now(|db| people::users(db, "true ORDER BY name", [])).await
    }

    async fn change_user(&self, id: UserId, change: UserChange, keep: Option<[u8; 32]>) -> Result<(), StoreError> {
        self.write_now(true, move |context| people::change(&context.db, id, &change, keep)).await
    }

    async fn remove_user(&self, id: UserId) -> Result<(), StoreError> {
        self.write_now(true, move |context| people::remove(&context.db, id)).await
    }

    async fn add_session(&self, session: Session) -> Result<(), StoreError> {
        self.write_now(true, move |context| people::add_session(&context.db, &session)).await
    }

    async fn session(&self, digest: [u8; 32], now: Timestamp) -> Result<Option<(Session, User)>, StoreError> {
        self.read_now(move |db| {
            let found = people::sessions(db, "digest = ?1 AND expires_at > ?2", params![digest, now.ms()])?.pop();
            let Some(session) = found else { return Ok(None) };
            let user = people::users(db, "id = ?1", [session.user.bytes()])?.pop();
            Ok(user.map(|user| (session, user)))
        })
        .await
    }

    async fn touch_session(&self, digest: [u8; 32], now: Timestamp, expires_at: Timestamp) -> Result<(), StoreError> {
        self.write_now(false, move |context| {
            let update = "UPDATE sessions SET seen_at = ?2, expires_at = ?3 WHERE digest = ?1";
            context.db.prepare_cached(update)?.execute(params![digest, now.ms(), expires_at.ms()])?;
            Ok(())
        })
        .await
    }

    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.read_now(move |db| {
            let condition = "user = ?1 AND expires_at > ?2 ORDER BY created_at DESC";
            people::sessions(db, condition, params![user.bytes(), now.ms()])
        })
        .await
    }

    async fn end_session(&self, digest: [u8; 32]) -> Result<(), StoreError> {
        self.write_now(true, move |context| {
            context.db.execute("DELETE FROM sessions WHERE digest = ?1", [digest])?;
            Ok(())
        })
        .await
    }
}

const TOKEN: &str = "id, name, scope, source, created_at";

fn token(row: &Row<'_>) -> Result<Token, StoreError> {
    let source: Option<[u8; 16]> = row.get(3)?;
    let scope: String = row.get(2)?;
    let scope = match source {
        Some(source) => Scope::Source(SourceId::from_bytes(source)),
        None => Scope::parse(&scope).ok_or_else(|| rows::damaged("a token's scope"))?,
    };
    Ok(Token {
        id: TokenId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        scope,
        created_at: Timestamp::from_ms(row.get(4)?),
    })
}

pub(super) fn insert_token(db: &Connection, token: &Token, digest: &[u8; 32]) -> Result<(), StoreError> {
    let source = match token.scope {
        Scope::Source(source) => Some(source),
        _ => None,
    };
    let insert = "INSERT INTO tokens (id, name, scope, source, digest, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.prepare_cached(insert)?.execute(params![
        token.id.bytes(),
        token.name,
        token.scope.as_str(),
        source.as_ref().map(SourceId::bytes),
        digest,
        token.created_at.ms(),
    ])?;
    Ok(())
}
