//! Users and their sessions, in rows.

use gancho_model::{Message, Role, Session, Timestamp, User, UserId};
use rusqlite::{Connection, Params, params};

use crate::{StoreError, UserChange};

/// Maximum sessions per user; the oldest are removed.
const SESSIONS_MAX: u32 = 50;

pub(super) fn users(db: &Connection, condition: &str, values: impl Params) -> Result<Vec<User>, StoreError> {
    let select = format!(
        "SELECT id, name, role, password_hash, email, language, time_zone, created_at FROM users WHERE {condition}"
    );
    let mut select = db.prepare_cached(&select)?;
    let found = select.query_map(values, |row| {
        Ok(User {
            id: UserId::from_bytes(row.get(0)?),
            name: row.get(1)?,
            role: Role::parse(&row.get::<_, String>(2)?).unwrap_or(Role::Viewer),
            password_hash: row.get(3)?,
            email: row.get(4)?,
            language: row.get(5)?,
            time_zone: row.get(6)?,
            created_at: Timestamp::from_ms(row.get(7)?),
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn add(db: &Connection, user: &User) -> Result<(), StoreError> {
    name_is_free(db, user)?;
    let insert = "INSERT INTO users (id, name, role, password_hash, email, language, time_zone, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    db.execute(
        insert,
        params![
            user.id.bytes(),
            user.name,
            user.role.as_str(),
            user.password_hash,
            user.email,
            user.language,
            user.time_zone,
            user.created_at.ms()
        ],
    )?;
    Ok(())
}

pub(super) fn change(
    db: &Connection,
    id: UserId,
    change: &UserChange,
    keep: Option<[u8; 32]>,
) -> Result<(), StoreError> {
    let known = users(db, "id = ?1", [id.bytes()])?.pop().ok_or(StoreError::NotFound)?;
    if change.role.is_some_and(|role| role != Role::Admin) {
        another_admin(db, id)?;
    }
    let update = "UPDATE users SET role = coalesce(?2, role), password_hash = coalesce(?3, password_hash), \
        email = iif(?4, ?5, email), language = coalesce(?6, language), time_zone = coalesce(?7, time_zone) WHERE id = ?1";
    db.execute(
        update,
        params![
            id.bytes(),
            change.role.map(Role::as_str),
            change.password_hash,
            change.email.is_some(),
            change.email.as_ref().and_then(Option::as_ref),
            change.language,
            change.time_zone
        ],
    )?;
    let other_role = change.role.is_some_and(|role| role != known.role);
    let other_password = change.password_hash.as_ref().is_some_and(|hash| *hash != known.password_hash);
    if other_role || other_password {
        let end = "DELETE FROM sessions WHERE user = ?1 AND digest IS NOT ?2";
        db.execute(end, params![id.bytes(), keep])?;
    }
    Ok(())
}

pub(super) fn remove(db: &Connection, id: UserId) -> Result<(), StoreError> {
    another_admin(db, id)?;
    if db.execute("DELETE FROM users WHERE id = ?1", [id.bytes()])? == 0 {
        return Err(StoreError::NotFound);
    }
    db.execute("DELETE FROM sessions WHERE user = ?1", [id.bytes()])?;
    Ok(())
}

fn name_is_free(db: &Connection, user: &User) -> Result<(), StoreError> {
    let select = "SELECT EXISTS (SELECT 1 FROM users WHERE name = ?1 AND id <> ?2)";
    let taken: bool = db.query_row(select, params![user.name, user.id.bytes()], |row| row.get(0))?;
    if taken {
        Err(StoreError::Conflict(Message::new("conflict-user").with("name", user.name.as_str())))
    } else {
        Ok(())
    }
}

/// Fails if this user is the last administrator.
fn another_admin(db: &Connection, id: UserId) -> Result<(), StoreError> {
    let select = "SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND role = 'admin') \
        AND NOT EXISTS (SELECT 1 FROM users WHERE id <> ?1 AND role = 'admin')";
    let last: bool = db.query_row(select, [id.bytes()], |row| row.get(0))?;
    if last { Err(StoreError::Conflict(Message::new("conflict-last-admin"))) } else { Ok(()) }
}

pub(super) fn add_session(db: &Connection, session: &Session) -> Result<(), StoreError> {
    let insert =
        "INSERT INTO sessions (digest, user, agent, created_at, seen_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.execute(
        insert,
        params![
            session.digest,
            session.user.bytes(),
            session.agent,
            session.created_at.ms(),
            session.seen_at.ms(),
            session.expires_at.ms()
        ],
    )?;
    db.execute("DELETE FROM sessions WHERE expires_at <= ?1", [session.created_at.ms()])?;
    let least = "DELETE FROM sessions WHERE digest IN \
        (SELECT digest FROM sessions WHERE user = ?1 ORDER BY created_at DESC LIMIT -1 OFFSET ?2)";
    db.execute(least, params![session.user.bytes(), SESSIONS_MAX])?;
    Ok(())
}

pub(super) fn sessions(db: &Connection, condition: &str, values: impl Params) -> Result<Vec<Session>, StoreError> {
    let select = format!("SELECT digest, user, agent, created_at, seen_at, expires_at FROM sessions WHERE {condition}");
    let mut select = db.prepare_cached(&select)?;
    let found = select.query_map(values, |row| {
        Ok(Session {
            digest: row.get(0)?,
            user: UserId::from_bytes(row.get(1)?),
            agent: row.get(2)?,
            created_at: Timestamp::from_ms(row.get(3)?),
            seen_at: Timestamp::from_ms(row.get(4)?),
            expires_at: Timestamp::from_ms(row.get(5)?),
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
