use gancho_model::{Decision, PlannedDelivery, Priority, ReplayScope};
use gancho_store::{Bulk, BulkAct, DeliveryFilter, JobCounts, JobState, JobStep, NewJob, Replay};

use crate::{Bench, Kind, outcome};

fn counted(about: &str, total: u64) -> NewJob {
    NewJob { about: about.to_owned(), total, resume: None }
}

pub(crate) async fn progress_is_what_became_of_its_deliveries(kind: Kind) {
    let bench = Bench::without_resending(kind).await;
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept((0..4).map(|_| bench.event("a.b")).collect()).await;
    let fail = async || {
        for claimed in bench.claim(endpoint.id, 4).await.claimed {
            let failed = outcome(&claimed, Decision::Failed, bench.moment());
            bench.store.record(bench.node, vec![failed].into()).await.expect("recorded");
        }
    };
    fail().await;
    let about = endpoint.id.to_string();
    assert_eq!(bench.store.last_job(&about).await.expect("reads"), None);
    let job = bench.store.begin_job(counted(&about, 4), bench.now()).await.expect("begun");
    let resend = Bulk {
        act: BulkAct::Resend,
        filter: DeliveryFilter::default(),
        dry_run: false,
        now: bench.mono(),
        job: Some(job),
    };
    assert_eq!(bench.store.act_on(resend, None).await.expect("sent").count, 4);
    let progress = async || bench.store.last_job(&about).await.expect("reads").expect("one");
    let (begun, counts) = progress().await;
    assert_eq!((begun.total, begun.sent, begun.state), (4, 4, JobState::Running));
    assert_eq!(counts, JobCounts { waiting: 4, ..JobCounts::default() });
    let claimed = bench.claim_lane(endpoint.id, Priority::Replay, 2, false).await.claimed;
    for (claimed, decision) in claimed.iter().zip([Decision::Delivered, Decision::Failed]) {
        bench
            .store
            .record(bench.node, vec![outcome(claimed, decision, bench.moment())].into())
            .await
            .expect("recorded");
    }
    assert_eq!(progress().await.1, JobCounts { delivered: 1, failed: 1, waiting: 2 });
    bench.store.end_job(job, JobState::Done, bench.now()).await.expect("ended");
    assert_eq!(progress().await.0.state, JobState::Done);
}

pub(crate) async fn what_a_start_finds_running_was_interrupted(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept(vec![bench.event("a.b")]).await;
    let about = endpoint.id.to_string();
    let job = bench.store.begin_job(counted(&about, 2), bench.now()).await.expect("begun");
    let replay = Replay {
        endpoint: endpoint.id,
        since: bench.now().plus_ms(-1_000),
        until: None,
        object: None,
        types: vec![],
        only: ReplayScope::All,
        dry_run: false,
        bytes_max: 1 << 20,
        job: Some(job),
    };
    bench.store.replay(replay, None, bench.moment()).await.expect("replayed");
    let bench = bench.reopen().await;
    bench.store.take_over(bench.node, bench.mono()).await.expect("started");
    let (job, _) = bench.store.last_job(&about).await.expect("reads").expect("is kept");
    assert_eq!((job.state, job.total), (JobState::Interrupted, 2));
}

pub(crate) async fn a_step_is_kept_with_what_it_sends_and_goes_on_from_there(bench: Bench) {
    let endpoint = bench.add_endpoint(&["a.b"]).await;
    let about = endpoint.id.to_string();
    let begun = NewJob { about: about.clone(), total: 0, resume: Some("from the first".into()) };
    let number = bench.store.begin_job(begun, bench.now()).await.expect("begun");
    let send = async |to, resume: &str| {
        let planned = PlannedDelivery { endpoint: to, max_attempts: 1, skipped: None, body: None };
        let step = JobStep { job: number, resume: resume.to_owned() };
        bench.store.send_apart(vec![(bench.event("a.snapshot").event, planned)], Priority::Replay, Some(step)).await
    };
    send(endpoint.id, "after the first").await.expect("sent");
    let strange = gancho_model::EndpointId::new(bench.now(), &*bench.environment);
    send(strange, "after the second").await.expect_err("there is no such endpoint");
    let last = async || bench.store.last_job(&about).await.expect("reads").expect("one");
    let (job, counts) = last().await;
    assert_eq!((job.number, job.sent, counts.waiting), (number, 1, 1));
    assert_eq!(job.resume.as_deref(), Some("after the first"), "nothing of the second was kept");
    assert!(!bench.store.continue_job(number).await.expect("asked"), "it goes on already");
    bench.store.end_job(number, JobState::Broken, bench.now()).await.expect("ended");
    assert!(bench.store.continue_job(number).await.expect("asked"));
    assert!(!bench.store.continue_job(number).await.expect("asked"), "somebody was first");
    send(endpoint.id, "after the last").await.expect("sent");
    bench.store.end_job(number, JobState::Done, bench.now()).await.expect("ended");
    assert!(!bench.store.continue_job(number).await.expect("asked"), "nothing is left of it");
    let (job, counts) = last().await;
    assert_eq!((job.state, job.sent, counts.waiting), (JobState::Done, 2, 2));
}
