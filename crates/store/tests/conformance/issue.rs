use gancho_model::{Cause, Decision, Endpoint, ErrorKind, FAILING_AFTER, Failure, ISSUES_MAX, Issue};
use gancho_store::Outcome;

use crate::{Bench, outcome};

/// Records a failed attempt of the next delivery, with what came back.
async fn fail(bench: &Bench, endpoint: &Endpoint, decision: Decision, status: Option<u16>, body: &str) {
    let claimed = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    let mut failed: Outcome = outcome(&claimed, decision, bench.moment());
    failed.attempt.status_code = status;
    failed.attempt.response_body = body.to_owned();
    if status.is_none() {
        failed.attempt.error = Some(Failure { kind: ErrorKind::Timeout, message: "no answer in 20 s".into() });
    }
    bench.store.record(bench.node, vec![failed].into()).await.expect("recorded");
}

async fn issues(bench: &Bench, endpoint: &Endpoint) -> Vec<Issue> {
    bench.store.issues(Some(endpoint.id), bench.now().plus_ms(-86_400_000)).await.expect("reads")
}

pub(crate) async fn failures_of_one_cause_are_one_issue(bench: Bench) {
    let (one, other) = (bench.add_endpoint(&["*"]).await, bench.add_endpoint(&["*"]).await);
    bench.accept((0..6).map(|_| bench.event("a.b")).collect()).await;
    let retry = Decision::Retry { at: bench.mono().plus_ms(9_000_000) };
    let first = bench.now();
    fail(&bench, &one, retry, Some(500), "Order 17 is locked\nat line 3").await;
    bench.environment.advance_ms(1_000);
    fail(&bench, &one, Decision::Failed, Some(500), "Order 18 is locked").await;
    bench.environment.advance_ms(1_000);
    fail(&bench, &one, retry, Some(500), "out of memory").await;
    fail(&bench, &one, retry, None, "").await;
    fail(&bench, &other, retry, Some(503), "").await;
    let found = issues(&bench, &one).await;
    assert_eq!(found.len(), 3);
    let locked = found.iter().find(|issue| issue.cause.line == "Order # is locked").expect("one for both");
    assert_eq!((locked.attempts, locked.failed, locked.cause.status), (2, 1, Some(500)));
    assert_eq!((locked.first_at, locked.last_at), (first, first.plus_ms(1_000)));
    assert!(locked.last_delivery.is_some() && locked.solved_at.is_none());
    let timeout = Cause { status: None, error: ErrorKind::Timeout, line: String::new() };
    assert!(found.iter().any(|issue| issue.cause == timeout));
    assert_eq!(bench.store.issues(None, first).await.expect("reads").len(), 4);
    assert_eq!(bench.store.issues(None, bench.now().plus_ms(1)).await.expect("reads"), []);
}

pub(crate) async fn an_issue_ends_when_the_endpoint_works_again(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept((0..40).map(|_| bench.event("a.b")).collect()).await;
    let retry = Decision::Retry { at: bench.mono().plus_ms(9_000_000) };
    for _ in 0..FAILING_AFTER {
        fail(&bench, &endpoint, retry, Some(500), "no").await;
    }
    assert_eq!(issues(&bench, &endpoint).await[0].solved_at, None);
    let claimed = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    let arrived = outcome(&claimed, Decision::Delivered, bench.moment());
    bench.store.record(bench.node, vec![arrived].into()).await.expect("recorded");
    assert!(issues(&bench, &endpoint).await[0].solved_at.is_some());
    bench.environment.advance_ms(5_000);
    fail(&bench, &endpoint, retry, Some(500), "no").await;
    let anew = issues(&bench, &endpoint).await.remove(0);
    assert_eq!((anew.attempts, anew.first_at, anew.solved_at), (1, bench.now(), None), "a new one");
    assert_eq!(bench.store.solve_issues(endpoint.id, bench.now()).await.expect("closed"), 1);
    assert_eq!(bench.store.solve_issues(endpoint.id, bench.now()).await.expect("nothing open"), 0);
}

pub(crate) async fn answers_that_differ_each_time_fill_nothing(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    let most = ISSUES_MAX as usize;
    bench.accept((0..most + 5).map(|_| bench.event("a.b")).collect()).await;
    let retry = Decision::Retry { at: bench.mono().plus_ms(9_000_000) };
    for n in 0..most + 5 {
        fail(&bench, &endpoint, retry, Some(500), &format!("trace {}", "x".repeat(n + 1))).await;
    }
    let found = issues(&bench, &endpoint).await;
    assert_eq!(found.len(), most + 1, "the rest is one issue");
    let rest = found.iter().find(|issue| issue.cause.line.is_empty()).expect("the rest");
    assert_eq!(rest.attempts, 5);
}
