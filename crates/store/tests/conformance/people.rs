use gancho_model::{Role, Session, User, UserId};
use gancho_store::{StoreError, UserChange};

use crate::Bench;

fn user(bench: &Bench, name: &str, role: Role) -> User {
    User {
        id: UserId::new(bench.now(), &*bench.environment),
        name: name.into(),
        role,
        password_hash: "x".into(),
        email: Some(format!("{name}@example.com")),
        language: Some("es".into()),
        time_zone: Some("America/Bogota".into()),
        created_at: bench.now(),
    }
}

fn session(bench: &Bench, user: &User, n: u8) -> Session {
    let now = bench.now();
    let agent = "a browser".into();
    Session { digest: [n; 32], user: user.id, agent, created_at: now, seen_at: now, expires_at: now.plus_ms(1000) }
}

pub(crate) async fn somebody_who_may_do_everything_is_always_left(bench: Bench) {
    let (ana, eva) = (user(&bench, "ana", Role::Admin), user(&bench, "eva", Role::Viewer));
    for one in [&ana, &eva] {
        bench.store.add_user(one.clone()).await.expect("added");
    }
    let role = |role| UserChange { role: Some(role), ..UserChange::default() };
    let refused = bench.store.change_user(ana.id, role(Role::Viewer), None).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    assert!(matches!(bench.store.remove_user(ana.id).await, Err(StoreError::Conflict(_))));
    bench.store.change_user(eva.id, role(Role::Admin), None).await.expect("saved");
    bench.store.change_user(ana.id, role(Role::Viewer), None).await.expect("another one is left");
    bench.store.remove_user(ana.id).await.expect("removed");
    let left = bench.store.users().await.expect("reads");
    assert_eq!(left, [User { role: Role::Admin, ..eva.clone() }], "as it was given");
    assert_eq!(bench.store.remove_user(ana.id).await, Err(StoreError::NotFound));
    let taken = User { id: ana.id, name: "EVA".into(), ..ana };
    assert!(matches!(bench.store.add_user(taken).await, Err(StoreError::Conflict(_))));
}

pub(crate) async fn sessions_end_by_time_by_hand_and_with_another_password(bench: Bench) {
    let ana = user(&bench, "ana", Role::Admin);
    bench.store.add_user(ana.clone()).await.expect("added");
    for n in 1..=3 {
        bench.store.add_session(session(&bench, &ana, n)).await.expect("kept");
    }
    let found = bench.store.session([1; 32], bench.now()).await.expect("reads").expect("a session");
    assert_eq!((found.0.digest, found.1), ([1; 32], ana.clone()));
    assert_eq!(bench.store.session([9; 32], bench.now()).await.expect("reads"), None);
    bench.store.end_session([1; 32]).await.expect("ends");
    assert_eq!(bench.store.sessions(ana.id, bench.now()).await.expect("reads").len(), 2);
    // A mail address ends nothing, another password everything but the session that says so.
    let nowhere = UserChange { email: Some(None), ..UserChange::default() };
    bench.store.change_user(ana.id, nowhere, None).await.expect("saved");
    assert_eq!(bench.store.sessions(ana.id, bench.now()).await.expect("reads").len(), 2);
    let changed = UserChange { password_hash: Some("y".into()), ..UserChange::default() };
    bench.store.change_user(ana.id, changed, Some([2; 32])).await.expect("saved");
    let now = User { password_hash: "y".into(), email: None, ..ana.clone() };
    assert_eq!(bench.store.users().await.expect("reads"), [now], "nothing else");
    let left = bench.store.sessions(ana.id, bench.now()).await.expect("reads");
    assert_eq!(left.iter().map(|one| one.digest).collect::<Vec<_>>(), [[2; 32]]);
    bench.environment.advance_ms(900);
    bench.store.touch_session([2; 32], bench.now(), bench.now().plus_ms(1000)).await.expect("touched");
    bench.environment.advance_ms(999);
    assert!(bench.store.session([2; 32], bench.now()).await.expect("reads").is_some());
    bench.environment.advance_ms(1);
    assert_eq!(bench.store.session([2; 32], bench.now()).await.expect("reads"), None, "its time is over");
}
