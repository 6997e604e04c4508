//! Whoever acts on people and tokens, by whichever way, stands in the history.

use std::sync::Arc;

use gancho_model::Role;
use gancho_service::{
    Accounts,
    account::{NewPassword, NewPerson, NewToken, PersonPatch},
    input::{PersonName, Text},
};
use gancho_store::{
    Store,
    sqlite::{Options, SqliteStore},
    vault::Vault,
};
use gancho_testkit::ManualClock;

#[tokio::test]
async fn people_and_tokens_stand_in_the_history() {
    let (dir, environment) = (tempfile::tempdir().expect("a folder"), Arc::new(ManualClock::new(1, 1_800_000_000)));
    let store = SqliteStore::open(dir.path(), Vault::new(&[7; 32]), environment.clone(), Options::default());
    let store: Arc<dyn Store> = Arc::new(store.expect("opens"));
    let accounts = Accounts::new(store.clone(), environment);
    let password = || NewPassword::new("correct horse battery").expect("long enough");
    let person = |name: &str| NewPerson {
        name: PersonName::new(name).expect("a name"),
        role: Role::Admin,
        password: password(),
        email: None,
        language: None,
    };
    let ana = accounts.add_person(person("ana"), "command line").await.expect("added");
    let eva = accounts.add_person(person("eva"), "ana").await.expect("added");
    assert!(accounts.add_person(person("eva"), "ana").await.is_err(), "the name is taken");
    let patch = PersonPatch { role: Some(Role::Viewer), password: Some(password()) };
    accounts.update_person(eva.id, patch, "ana").await.expect("changed");
    let token = NewToken { name: Text::new("script").expect("a name"), scope: None };
    let (token, _) = accounts.create_token(token, "command line").await.expect("made");
    accounts.remove_token(token.id, "ana").await.expect("removed");
    accounts.remove_person(eva.id, "ana").await.expect("removed");
    assert!(accounts.remove_person(ana.id, "ana").await.is_err(), "the last administrator stays");

    let entries = store.audit_entries(None, None, 50).await.expect("reads").items;
    let history: Vec<_> = entries.iter().rev().map(|entry| (entry.who.as_str(), entry.action.as_str())).collect();
    assert_eq!(
        history,
        [
            ("command line", "person.added"),
            ("ana", "person.added"),
            ("ana", "person.changed"),
            ("command line", "token.created"),
            ("ana", "token.removed"),
            ("ana", "person.removed"),
        ]
    );
    let changed = &entries[3].details;
    assert_eq!((changed["role"][1].as_str(), changed["password"].is_null()), (Some("viewer"), true), "{changed:?}");
    assert_eq!(entries[0].name, "eva");
}
