use gancho_model::{Role, Scope, Token, TokenId, User, UserId};
use gancho_store::StoreError;

use crate::Bench;

pub(crate) async fn sources_and_their_tokens_live_and_go_together(bench: Bench) {
    let mut source = bench.source();
    let id = TokenId::new(bench.now(), &*bench.environment);
    let token = Token { id, name: "ERP".into(), scope: Scope::Source(source.id), created_at: bench.now() };
    bench.store.add_source(source.clone(), Some((token.clone(), [9; 32]))).await.expect("added");
    assert_eq!(bench.store.source(source.id).await, Ok(source.clone()));
    assert_eq!(bench.store.token([9; 32]).await, Ok(Some(token)));
    assert_eq!(bench.store.tokens().await, Ok(vec![]), "a source's token is not in the list");
    source.name = "Tienda".into();
    bench.store.save_source(source.clone()).await.expect("saved");
    assert_eq!(bench.store.sources().await, Ok(vec![source.clone()]));
    bench.store.remove_source(source.id).await.expect("removed");
    assert_eq!(bench.store.token([9; 32]).await, Ok(None));
    assert_eq!(bench.store.save_source(source).await, Err(StoreError::NotFound));
}

pub(crate) async fn tokens_and_people(bench: Bench) {
    let id = TokenId::new(bench.now(), &*bench.environment);
    let token = Token { id, name: "script".into(), scope: Scope::Read, created_at: bench.now() };
    bench.store.add_token(token.clone(), [1; 32]).await.expect("added");
    assert_eq!(bench.store.tokens().await, Ok(vec![token]));
    bench.store.remove_token(id).await.expect("removed");
    assert_eq!(bench.store.remove_token(id).await, Err(StoreError::NotFound));

    let user = |name: &str| User {
        id: UserId::new(bench.now(), &*bench.environment),
        name: name.into(),
        role: Role::Viewer,
        password_hash: "x".into(),
        email: None,
        language: None,
        time_zone: None,
        created_at: bench.now(),
    };
    bench.store.add_user(user("Ana")).await.expect("added");
    assert!(matches!(bench.store.add_user(user("ANA")).await, Err(StoreError::Conflict(_))));
    assert_eq!(bench.store.user("ana").await.expect("reads").map(|user| user.role), Some(Role::Viewer));
    assert_eq!(bench.store.user("luis").await, Ok(None));
}
