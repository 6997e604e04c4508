//! The user of a page.

use gancho_model::{Role, Session, User};
use gancho_words::Words;

/// A signed-in user.
pub(crate) struct CurrentUser {
    pub user: User,
    pub session: Session,
    pub words: Words,
    /// The CSRF token of their forms.
    pub csrf_token: String,
}

/// A signed-in user who may make changes.
pub(crate) struct CurrentAdmin(pub CurrentUser);

impl CurrentUser {
    /// Whether they may make changes and see secrets.
    pub fn is_admin(&self) -> bool {
        self.user.role == Role::Admin
    }
}
