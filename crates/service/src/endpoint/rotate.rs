use gancho_model::{EndpointId, Message, SigningSecrets};

use super::display_name;
use crate::{
    ServiceError, ServiceResult, Services,
    input::{NewSecret, Whole, input},
};

/// Seconds that both secrets sign for where no time is given: a day.
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
    /// A new secret is made, and both sign for a day.
    pub fn begin() -> Self {
        Self { overlap_s: None, finish: None, secret: None }
    }

    /// Only the new one signs from now on.
    pub fn finish() -> Self {
        Self { finish: Some(true), ..Self::begin() }
    }
}

impl Services {
    /// Changes an endpoint's secret, and returns what signs from now on.
    ///
    /// # Errors
    /// A conflict while another change is under way.
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
