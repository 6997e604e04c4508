use gancho_model::User;

use super::{
    Accounts,
    password::{PASSWORD_MAX, verify_apart},
};
use crate::ServiceResult;

/// A hash of no password: with it, an unknown name takes as long as a wrong password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AwMDAwMDAwMDAwMDAwMDAw$7i2WlWi2Kp0sB3YvNYhcRBGpPUJfJzMz0Z1p6Xo8bA8";

impl Accounts {
    /// The user with this name, if the password is correct.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn sign_in(&self, name: &str, password: String) -> ServiceResult<Option<User>> {
        let user = self.store.user(name).await?;
        let hash = user.as_ref().map_or(NOBODY, |user| &user.password_hash).to_owned();
        let is_right = password.len() <= 4 * PASSWORD_MAX && verify_apart(password, hash).await;
        Ok(user.filter(|_| is_right))
    }
}
