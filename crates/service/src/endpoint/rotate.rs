use gancho_model::{EndpointId, Message, SigningSecrets};

use super::display_name;
use crate::{
    ServiceError, ServiceResult, Services,
    input::{NewSecret, Whole, input},
};

/// Default time during which both secrets sign, in seconds: a day.
pub const OVERLAP_S: i64 = 86_400;

input! {
    /// How to change a secret.
    pub struct RotationInput {
        /// How long both sign, seconds; a day if left out, at once if 0.
        pub overlap_s: Option<Whole<0, 2_592_000>>,
        /// Ends a change that is under way: only the new one signs from now on.
        pub finish: Option<bool>,
        /// A new secret of your own; made if left out.
        pub secret: Option<NewSecret>,
    }
}

impl RotationInput {
    /// Generates a new secret; both sign for a day.
    pub fn begin() -> Self {
        Self { overlap_s: None, finish: None, secret: None }
    }

    /// Only the new secret signs from now on.
    pub fn finish() -> Self {
        Self { finish: Some(true), ..Self::begin() }
    }
}

impl Services {
    /// Rotates an endpoint's secret; returns the current secrets.
    ///
    /// # Errors
    /// A conflict while another rotation is under way.
    pub async fn rotate_secret(
        &self,
        id: EndpointId,
        input: RotationInput,
        who: &str,
    ) -> ServiceResult<SigningSecrets> {
        let mut endpoint = self.store.endpoint(id).await?;
        let (read_at, now) = (endpoint.updated_at, self.environment.now());
        let overlap_s = input.overlap_s.map_or(OVERLAP_S, |overlap| overlap.0);
        let action = if input.finish.unwrap_or(false) {
            endpoint.secrets.finish();
            "endpoint.secret_finished"
        } else {
            if overlap_s > 0 && endpoint.secrets.at(now).1.is_some() {
                return Err(ServiceError::Conflict(Message::new("conflict-rotation")));
            }
            let new = input.secret.map_or_else(|| self.new_secret(), |secret| secret.0);
            endpoint.secrets.rotate(new, now.plus_ms(overlap_s * 1000), now);
            "endpoint.secret_changed"
        };
        endpoint.updated_at = now;
        let (secrets, name) = (endpoint.secrets.clone(), display_name(&endpoint));
        self.store.save_endpoint(endpoint, read_at).await?;
        self.audit.record(who, action, &id, name).await;
        Ok(secrets)
    }
}
