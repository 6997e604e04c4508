//! Who looks at a page.

use gancho_model::{Role, Session, User};
use gancho_words::Words;

/// Somebody who is signed in.
pub(crate) struct CurrentUser {
    pub user: User,
    pub session: Session,
    pub words: Words,
    /// What forms of theirs carry.
    pub csrf_token: String,
}

/// Somebody who is signed in and may change things.
pub(crate) struct CurrentAdmin(pub CurrentUser);

impl CurrentUser {
    /// Whether they may change things, and see secrets.
    pub fn is_admin(&self) -> bool {
        self.user.role == Role::Admin
    }
}
