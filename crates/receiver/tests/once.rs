//! An event is handled once, on every inbox.
#![cfg(feature = "sqlite")]

use gancho_receiver::{
    Inbox, Once, OnceError,
    inbox::{CLAIM_S, MemoryInbox, REMEMBER_S, SqliteInbox},
    once,
};

fn each_inbox(test: impl Fn(&dyn Fn(&str, i64, Result<u8, &'static str>) -> Result<Once<u8>, String>)) {
    fn run<I: Inbox>(inbox: &I, id: &str, at: i64, result: Result<u8, &'static str>) -> Result<Once<u8>, String> {
        once(inbox, id, at, || result).map_err(|error| match error {
            OnceError::Handler(why) => why.to_owned(),
            _ => "inbox".to_owned(),
        })
    }
    let memory = MemoryInbox::default();
    test(&|id, at, result| run(&memory, id, at, result));
    let sqlite = SqliteInbox::open(":memory:").expect("opens");
    test(&|id, at, result| run(&sqlite, id, at, result));
}

#[test]
fn a_repeat_is_not_handled() {
    each_inbox(|handle| {
        assert_eq!(handle("evt_1", 0, Ok(1)), Ok(Once::Handled(1)));
        assert_eq!(handle("evt_1", REMEMBER_S - 1, Ok(2)), Ok(Once::Repeat));
        assert_eq!(handle("evt_2", 5, Ok(3)), Ok(Once::Handled(3)));
    });
}

#[test]
fn a_failure_is_tried_again() {
    each_inbox(|handle| {
        assert_eq!(handle("evt_1", 0, Err("no")), Err("no".into()));
        assert_eq!(handle("evt_1", 1, Ok(1)), Ok(Once::Handled(1)));
    });
}

#[test]
fn a_handler_that_died_gives_its_claim_up() {
    let inbox = SqliteInbox::open(":memory:").expect("opens");
    inbox.claim("evt_1", 0).expect("claims");
    assert_eq!(once(&inbox, "evt_1", CLAIM_S - 1, || Ok::<_, ()>(1)).expect("runs"), Once::Busy);
    assert_eq!(once(&inbox, "evt_1", CLAIM_S, || Ok::<_, ()>(1)).expect("runs"), Once::Handled(1));
}

#[test]
fn work_and_memory_are_one_transaction() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("inbox.db");
    let inbox = SqliteInbox::open(&path).expect("opens");
    let insert = |tx: &rusqlite::Transaction<'_>| {
        tx.execute_batch("CREATE TABLE IF NOT EXISTS done (n); INSERT INTO done VALUES (1)")
    };
    let failed = inbox.once("evt_1", 0, |tx| insert(tx).map_err(drop).and(Err::<(), ()>(())));
    assert!(matches!(failed, Err(OnceError::Handler(()))));
    assert_eq!(inbox.once("evt_1", 1, insert).expect("runs"), Once::Handled(()));
    drop(inbox);

    let inbox = SqliteInbox::open(&path).expect("opens again");
    assert_eq!(inbox.once("evt_1", 2, insert).expect("runs"), Once::Repeat);
    let rows: i64 = rusqlite::Connection::open(&path)
        .and_then(|db| db.query_row("SELECT count(*) FROM done", [], |row| row.get(0)))
        .expect("reads");
    assert_eq!(rows, 1);
}
