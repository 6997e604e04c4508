//! Identifies the ERP installation that a database belongs to. A copy, such as one for tests, has our triggers and
//! perhaps rows written elsewhere: its changes must reach no webhook. Pure.

use gancho_model::{Message, SourceId};

/// The identity of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Its name; with PostgreSQL also the schema's.
    pub database: String,
    /// The server: its name and port, or PostgreSQL's system identifier.
    pub server: String,
    /// Creation time of one of our tables, or its OID. Restoring a dump creates it again.
    pub made: String,
}

/// The setup record in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUp {
    /// The source's id.
    pub source: String,
    /// The database's identity at that time.
    pub site: Site,
}

/// How a database relates to its setup record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// There is no setup record.
    New,
    /// The same database, perhaps restored from a dump or on a renamed server.
    Same,
    /// A copy of this database.
    Copy(Site),
    /// It was set up for another source since.
    Other,
}

/// Compares a database with its setup record for a source.
///
/// Neither property is enough alone: a recreated container has another name, and a dump restored in place recreates all
/// tables.
pub fn identify(set_up: Option<&SetUp>, here: &Site, source: SourceId) -> Identity {
    let Some(SetUp { source: owner, site }) = set_up else { return Identity::New };
    let is_made_anew = site.made != here.made;
    let is_elsewhere = (&site.database, &site.server) != (&here.database, &here.server);
    match (is_made_anew && is_elsewhere, *owner == source.to_string()) {
        (true, _) => Identity::Copy(site.clone()),
        (false, true) => Identity::Same,
        (false, false) => Identity::Other,
    }
}

impl Identity {
    /// The question for a user while the source is stopped; `None` if it may run.
    pub fn question(&self, here: &Site) -> Option<Message> {
        match self {
            Self::New | Self::Same => None,
            Self::Other => Some(Message::new("hearing-other-source").with("database", here.database.as_str())),
            Self::Copy(of) => Some(
                Message::new("hearing-copy")
                    .with("of", format!("{} ({})", of.database, of.server))
                    .with("here", format!("{} ({})", here.database, here.server)),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use gancho_model::{Rng, Timestamp};

    use super::*;

    struct Still;

    impl Rng for Still {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn a_copy_is_what_was_made_anew_elsewhere() {
        let source = SourceId::new(Timestamp::from_ms(0), &Still);
        let site = |database: &str, server: &str, made: &str| Site {
            database: database.into(),
            server: server.into(),
            made: made.into(),
        };
        let first = site("erp", "db:3306", "1");
        let set_up = SetUp { source: source.to_string(), site: first.clone() };
        let seen = |here: Site| identify(Some(&set_up), &here, source);
        assert_eq!(identify(None, &first, source), Identity::New);
        assert_eq!(seen(first.clone()), Identity::Same);
        assert_eq!(seen(site("erp", "db:3306", "2")), Identity::Same, "restored in place");
        assert_eq!(seen(site("erp", "c0ffee:3306", "1")), Identity::Same, "a container made anew");
        assert_eq!(seen(site("erp_test", "db:3306", "2")), Identity::Copy(first.clone()));
        assert_eq!(seen(site("erp", "laptop:3306", "2")), Identity::Copy(first.clone()));
        let others = SetUp { source: "src_other".into(), site: first.clone() };
        assert_eq!(identify(Some(&others), &first, source), Identity::Other);
        assert!(seen(site("erp_test", "db:3306", "2")).question(&first).is_some());
        assert!(seen(first.clone()).question(&first).is_none());
    }
}
