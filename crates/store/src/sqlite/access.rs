//! Tokens and people.

use async_trait::async_trait;
use gancho_model::{Role, Scope, SourceId, Timestamp, Token, TokenId, User, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{SqliteStore, rows};
use crate::{Access, StoreError};

#[async_trait]
impl Access for SqliteStore {
    async fn add_token(&self, token: Token, digest: [u8; 32]) -> Result<(), StoreError> {
        self.write(true, move |desk| insert_token(&desk.db, &token, &digest)).await
    }

    async fn token(&self, digest: [u8; 32]) -> Result<Option<Token>, StoreError> {
        self.read(move |db| {
            let mut select = db.prepare_cached(&format!("SELECT {TOKEN} FROM tokens WHERE digest = ?1"))?;
            let mut found = select.query([digest])?;
            found.next()?.map(token).transpose()
        })
        .await
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(move |db| {
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
        self.write(true, move |desk| {
            let removed = desk.db.execute("DELETE FROM tokens WHERE id = ?1 AND source IS NULL", [id.bytes()])?;
            if removed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
        })
        .await
    }

    async fn add_user(&self, user: User) -> Result<(), StoreError> {
        self.write(true, move |desk| {
            let taken: bool =
                desk.db
                    .query_row("SELECT EXISTS (SELECT 1 FROM users WHERE name = ?1)", [&user.name], |row| row.get(0))?;
            if taken {
                return Err(StoreError::Conflict(format!("there is a user named {} already", user.name)));
            }
            let insert = "INSERT INTO users (id, name, role, password_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
            let params =
                params![user.id.bytes(), user.name, user.role.as_str(), user.password_hash, user.created_at.ms()];
            desk.db.execute(insert, params)?;
            Ok(())
        })
        .await
    }

    async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        let name = name.to_owned();
        self.read(move |db| {
            let select = "SELECT id, name, role, password_hash, created_at FROM users WHERE name = ?1";
            let found = db
                .query_row(select, [name], |row| {
                    Ok(User {
                        id: UserId::from_bytes(row.get(0)?),
                        name: row.get(1)?,
                        role: Role::parse(&row.get::<_, String>(2)?).unwrap_or(Role::Viewer),
                        password_hash: row.get(3)?,
                        created_at: Timestamp::from_ms(row.get(4)?),
                    })
                })
                .optional()?;
            Ok(found)
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
