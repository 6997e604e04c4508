use gancho_model::{Customer, SourceId};
use gancho_store::{Accepted, CustomerUpdate, Submission};

use crate::{Bench, accept::add_source};

pub(crate) async fn customers_are_remembered_by_source_and_forgotten(bench: Bench) {
    let (one, other) = (add_source(&bench).await, add_source(&bench).await);
    let named = |name: &str| Customer { nombre: Some(name.into()), ..Customer::default() };
    let update = |source, code: &str, customer| CustomerUpdate { source, code: code.into(), customer };
    let keep = async |customers: Vec<CustomerUpdate>| {
        let submission = Submission { customers, now: bench.now(), ..Submission::default() };
        assert!(matches!(bench.keep(submission).await.expect("kept"), Accepted::Kept(_)));
    };
    let known = async |source: SourceId, code: &str| {
        let name = (source, code.to_owned());
        bench.store.customers(vec![name.clone()]).await.expect("reads").remove(&name)
    };
    let (ana, eva) = (named("Ana"), named("Eva"));
    keep(vec![update(one, "1", Some(ana.clone())), update(other, "1", Some(eva.clone()))]).await;
    assert_eq!((known(one, "1").await, known(other, "1").await), (Some(ana), Some(eva.clone())));
    assert_eq!(known(one, "2").await, None);
    // The last word counts, within one submission too.
    keep(vec![update(one, "1", None), update(one, "1", Some(eva.clone()))]).await;
    assert_eq!(known(one, "1").await, Some(eva.clone()));
    keep(vec![update(one, "1", None)]).await;
    assert_eq!((known(one, "1").await, known(other, "1").await), (None, Some(eva)));
    bench.store.remove_source(other).await.expect("removed");
    assert_eq!(known(other, "1").await, None, "it goes with its source");
}
