use gancho_model::{Message, Source, SourceKind, Timestamp};

use crate::{Finding, Services};

impl Services {
    /// Checks a source step by step. A plugin pushes by itself: its last report is checked. `written` formats a time
    /// for the reader.
    pub async fn check_source(&self, source: &Source, written: impl Fn(Timestamp) -> String) -> Vec<Finding> {
        match source.kind {
            SourceKind::Plugin => self.reported(source, last_change(source, written)),
            _ => self.sources.check(source).await,
        }
    }

    fn reported(&self, source: &Source, last_change: Finding) -> Vec<Finding> {
        let Some(status) = self.sources.status(source.id).and_then(|status| status.plugin) else {
            return vec![last_change];
        };
        let facts = |id| Message::new(id).with("version", status.plugin.as_str()).with("erp", status.erp.as_str());
        let mode = if status.mode == "triggers" { "check-plugin-triggers" } else { "check-plugin-models" };
        let mut found = vec![last_change, Finding::good("plugin", facts(mode))];
        found.push(Finding::good("outbox", Message::new("check-outbox").with("count", status.backlog)));
        if status.lost > 0 {
            let lost = Message::new("check-lost").with("count", status.lost).with("table", "ganchoplugin_lost");
            found.push(Finding::bad("lost", lost));
        }
        if let Some(why) = status.error {
            found.push(Finding::bad("plugin", Message::new("plugin-error").with("why", why)));
        }
        found
    }
}

fn last_change(source: &Source, written: impl Fn(Timestamp) -> String) -> Finding {
    match source.heard_at {
        Some(at) => Finding::good("heard", Message::new("check-heard").with("at", written(at))),
        None => Finding::bad("heard", Message::new("check-not-heard")),
    }
}
