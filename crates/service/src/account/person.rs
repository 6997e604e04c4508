use gancho_model::{Message, Role, Session, User, UserId};
use gancho_store::UserChange;
use gancho_words::Language;
use serde_json::{Map, Value, json};

use super::{
    Accounts,
    password::{NewPassword, hash_apart, verify_apart},
};
use crate::{
    ServiceError, ServiceResult,
    input::{Email, PersonName, ZoneName},
};

/// A user to add.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The sign-in name.
    pub name: PersonName,
    /// Their role.
    pub role: Role,
    /// Their password.
    pub password: NewPassword,
    /// Their mail address, if any.
    pub email: Option<Email>,
    /// Their language, if known.
    pub language: Option<Language>,
}

/// Changes to a user.
#[derive(Clone, Debug, Default)]
pub struct PersonPatch {
    /// The new role.
    pub role: Option<Role>,
    /// The new password.
    pub password: Option<NewPassword>,
}

/// A user's own settings.
#[derive(Clone, Debug)]
pub struct OwnSettings {
    /// Their mail address; `None` for none.
    pub email: Option<Email>,
    /// Their language.
    pub language: Language,
    /// Their time zone.
    pub time_zone: ZoneName,
    /// The new password, and the old one.
    pub password: Option<(NewPassword, String)>,
}

impl Accounts {
    /// Adds a user.
    ///
    /// # Errors
    /// A conflict if the name is taken.
    pub async fn add_person(&self, new: NewPerson, who: &str) -> ServiceResult<User> {
        let password_hash = self.hashed(new.password).await?;
        let created_at = self.environment.now();
        let user = User {
            id: UserId::new(created_at, &*self.environment),
            name: new.name.0,
            role: new.role,
            password_hash,
            email: new.email.map(|email| email.0),
            language: new.language.map(|language| language.as_str().to_owned()),
            time_zone: None,
            created_at,
        };
        self.store.add_user(user.clone()).await?;
        self.audit.record(who, "person.added", &user.id, user.name.clone()).await;
        Ok(user)
    }

    /// All users, by name.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn people(&self) -> ServiceResult<Vec<User>> {
        Ok(self.store.users().await?)
    }

    /// Changes a user's role or password.
    ///
    /// # Errors
    /// A conflict if no administrator would be left.
    pub async fn update_person(&self, id: UserId, patch: PersonPatch, who: &str) -> ServiceResult<()> {
        let user = self.person(id).await?;
        let mut details = Map::new();
        if let Some(role) = patch.role.filter(|role| *role != user.role) {
            details.insert("role".into(), json!([user.role.as_str(), role.as_str()]));
        }
        let mut change = UserChange { role: patch.role, ..UserChange::default() };
        if let Some(password) = patch.password {
            change.password_hash = Some(self.hashed(password).await?);
            details.insert("password".into(), Value::Null);
        }
        self.store.change_user(id, change, None).await?;
        self.audit.record_details(who, "person.changed", &id, user.name, details).await;
        Ok(())
    }

    /// Changes a signed-in user's own settings. A new password ends their other sessions.
    ///
    /// # Errors
    /// The field `old` if the old password is wrong.
    pub async fn update_own(&self, user: &User, session: &Session, own: OwnSettings) -> ServiceResult<()> {
        let mut details = Map::new();
        let email = own.email.map(|email| email.0);
        if email != user.email {
            details.insert("email".into(), Value::Null);
        }
        let mut change = UserChange {
            email: Some(email),
            language: Some(own.language.as_str().to_owned()),
            time_zone: Some(own.time_zone.0),
            ..UserChange::default()
        };
        if let Some((password, old)) = own.password {
            if !verify_apart(old, user.password_hash.clone()).await {
                return Err(ServiceError::field("old", Message::new("error-password-wrong")));
            }
            change.password_hash = Some(self.hashed(password).await?);
            details.insert("password".into(), Value::Null);
        }
        self.store.change_user(user.id, change, Some(session.digest)).await?;
        if !details.is_empty() {
            self.audit.record_details(&user.name, "person.changed", &user.id, user.name.clone(), details).await;
        }
        Ok(())
    }

    /// Removes a user and their sessions.
    ///
    /// # Errors
    /// A conflict if no administrator would be left.
    pub async fn remove_person(&self, id: UserId, who: &str) -> ServiceResult<()> {
        let user = self.person(id).await?;
        self.store.remove_user(id).await?;
        self.audit.record(who, "person.removed", &id, user.name).await;
        Ok(())
    }

    async fn person(&self, id: UserId) -> ServiceResult<User> {
        let found = self.people().await?.into_iter().find(|user| user.id == id);
        found.ok_or(ServiceError::Missing("person"))
    }

    async fn hashed(&self, password: NewPassword) -> ServiceResult<String> {
        let hash = hash_apart(password, self.environment.clone()).await;
        hash.ok_or_else(|| ServiceError::Unavailable(Message::new("problem-broken")))
    }
}
