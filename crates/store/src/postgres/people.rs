//! Users and their sessions, in rows.

use gancho_model::{Message, Role, Session, User, UserId};
use sqlx::{Row as _, postgres::PgRow};

use super::{Db, rows};
use crate::{StoreError, UserChange};

/// Maximum sessions per user; the oldest are removed.
const SESSIONS_MAX: i64 = 50;

/// The columns that [`user`] reads.
pub(super) const USER: &str = "id, name, role, password_hash, email, language, time_zone, created_at";

pub(super) fn user(row: &PgRow) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_bytes(rows::id(row, 0)?),
        name: row.try_get(1)?,
        role: Role::parse(row.try_get(2)?).unwrap_or(Role::Viewer),
        password_hash: row.try_get(3)?,
        email: row.try_get(4)?,
        language: row.try_get(5)?,
        time_zone: row.try_get(6)?,
        created_at: rows::time(row, 7)?,
    })
}

/// The columns that [`session`] reads.
pub(super) const SESSION: &str = "digest, owner, agent, created_at, seen_at, expires_at";

pub(super) fn session(row: &PgRow) -> Result<Session, StoreError> {
    let digest: Vec<u8> = row.try_get(0)?;
    Ok(Session {
        digest: digest.try_into().map_err(|_| rows::damaged("a digest"))?,
        user: UserId::from_bytes(rows::id(row, 1)?),
        agent: row.try_get(2)?,
        created_at: rows::time(row, 3)?,
        seen_at: rows::time(row, 4)?,
        expires_at: rows::time(row, 5)?,
    })
}

pub(super) async fn add(db: &mut Db, user: &User) -> Result<(), StoreError> {
    let insert = "INSERT INTO users (id, name, role, password_hash, email, language, time_zone, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let added = run!(
        db,
        insert,
        user.id.bytes().as_slice(),
        &user.name,
        user.role.as_str(),
        &user.password_hash,
        user.email.as_deref(),
        user.language.as_deref(),
        user.time_zone.as_deref(),
        user.created_at.ms(),
    );
    if added == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict(Message::new("conflict-user").with("name", user.name.as_str())))
    }
}

pub(super) async fn change(
    db: &mut Db,
    id: UserId,
    change: &UserChange,
    keep: Option<[u8; 32]>,
) -> Result<(), StoreError> {
    let select = sqlx::AssertSqlSafe(format!("SELECT {USER} FROM users WHERE id = $1 FOR UPDATE"));
    let known = user(&first!(db, select, id.bytes().as_slice()).ok_or(StoreError::NotFound)?)?;
    if change.role.is_some_and(|role| role != Role::Admin) {
        another_admin(db, id).await?;
    }
    let update = "UPDATE users SET role = coalesce($2, role), password_hash = coalesce($3, password_hash), \
        email = CASE WHEN $4 THEN $5 ELSE email END, language = coalesce($6, language), \
        time_zone = coalesce($7, time_zone) WHERE id = $1";
    run!(
        db,
        update,
        id.bytes().as_slice(),
        change.role.map(Role::as_str),
        change.password_hash.as_deref(),
        change.email.is_some(),
        change.email.as_ref().and_then(Option::as_deref),
        change.language.as_deref(),
        change.time_zone.as_deref(),
    );
    let other_role = change.role.is_some_and(|role| role != known.role);
    let other_password = change.password_hash.as_ref().is_some_and(|hash| *hash != known.password_hash);
    if other_role || other_password {
        let end = "DELETE FROM sessions WHERE owner = $1 AND digest IS DISTINCT FROM $2";
        run!(db, end, id.bytes().as_slice(), keep.as_ref().map(<[u8; 32]>::as_slice));
    }
    Ok(())
}

pub(super) async fn remove(db: &mut Db, id: UserId) -> Result<(), StoreError> {
    another_admin(db, id).await?;
    if run!(db, "DELETE FROM users WHERE id = $1", id.bytes().as_slice()) == 0 {
        return Err(StoreError::NotFound);
    }
    run!(db, "DELETE FROM sessions WHERE owner = $1", id.bytes().as_slice());
    Ok(())
}

/// Fails if this user is the last administrator. Until the transaction ends, other nodes can't remove or demote
/// administrators.
async fn another_admin(db: &mut Db, id: UserId) -> Result<(), StoreError> {
    let admins = column!(db, Vec<u8>, "SELECT id FROM users WHERE role = 'admin' ORDER BY id FOR UPDATE");
    let is_last = admins.len() == 1 && admins[0] == id.bytes();
    if is_last { Err(StoreError::Conflict(Message::new("conflict-last-admin"))) } else { Ok(()) }
}

pub(super) async fn add_session(db: &mut Db, session: &Session) -> Result<(), StoreError> {
    let insert =
        "INSERT INTO sessions (digest, owner, agent, created_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let (digest, owner) = (session.digest.as_slice(), session.user.bytes().as_slice());
    let times = [session.created_at, session.seen_at, session.expires_at].map(|at| at.ms());
    run!(db, insert, digest, owner, rows::storable(&session.agent), times[0], times[1], times[2]);
    run!(db, "DELETE FROM sessions WHERE expires_at <= $1", times[0]);
    let least = "DELETE FROM sessions WHERE digest IN \
        (SELECT digest FROM sessions WHERE owner = $1 ORDER BY created_at DESC OFFSET $2)";
    run!(db, least, owner, SESSIONS_MAX);
    Ok(())
}
