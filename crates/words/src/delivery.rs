//! Texts about deliveries: why an attempt failed, what a pending one waits for.

use gancho_model::{ErrorKind, Timestamp, WaitingFor};

use crate::Words;

impl Words {
    /// Why an attempt failed, and the remedy, in one sentence; empty for a successful one.
    pub fn why(&self, status: Option<u16>, error: Option<ErrorKind>) -> String {
        match (status, error) {
            (Some(status), None | Some(ErrorKind::Status)) => {
                let own = format!("why-status-{status}");
                let of_hundred = format!("why-status-{}xx", status / 100);
                let known = [own, of_hundred].into_iter().find(|id| self.has(id));
                let id = known.unwrap_or_else(|| "why-status".to_owned());
                self.with(&id, &[("code", status.to_string().into())])
            }
            (_, Some(kind)) => self.get(&format!("why-{}", kind.as_str())),
            (None, None) => String::new(),
        }
    }

    /// What a delivery waits for, and until when; empty if it is not pending.
    pub fn waiting(&self, reason: Option<WaitingFor>, next: Option<Timestamp>, now: Timestamp) -> String {
        let Some(reason) = reason else { return String::new() };
        let when = match next {
            Some(at) if at > now => self.ago(at, now),
            _ => self.get("time-now"),
        };
        self.with(&format!("waiting-{}", reason.as_str().replace('_', "-")), &[("when", when.into())])
    }
}
