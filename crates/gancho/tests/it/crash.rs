//! SIGKILL at random moments: every event answered 202 arrives at every endpoint that wanted it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use gancho_testkit::{Receiver, Respond};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::json;

use crate::server;

const SENDERS: usize = 8;

/// By path and event: in which life of the server each copy came.
type Copies = HashMap<(String, String), Vec<u32>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost() {
    let rounds: u32 = std::env::var("GANCHO_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let seed = std::env::var("GANCHO_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut server = server().await;
    // Which life of the server each copy came from, by path and event.
    let life = Arc::new(AtomicU32::new(0));
    let copies: Arc<Mutex<Copies>> = Arc::default();
    let (counting, in_life) = (copies.clone(), life.clone());
    let receiver = Receiver::with(move |one| {
        let key = (one.path.clone(), one.id().to_owned());
        counting.lock().expect("unbroken").entry(key).or_default().push(in_life.load(Ordering::SeqCst));
        Respond::status(200)
    })
    .await;
    for path in ["/a", "/b"] {
        server.add_endpoint(&receiver.url(path), &["demo.*"]).await;
    }
    let mut accepted: HashSet<String> = HashSet::new();
    for round in 0..rounds {
        let stop = AtomicBool::new(false);
        let sending = (0..SENDERS).map(|sender| send(&server, format!("{round}-{sender}"), &stop));
        let lives = Duration::from_millis(rng.random_range(20..400));
        let (sent, ()) = tokio::join!(join_all(sending), async {
            tokio::time::sleep(lives).await;
            stop.store(true, Ordering::SeqCst);
            // Not through the API: it dies in the middle of whatever it does.
            let pid = server.pid().to_string();
            let killed = tokio::process::Command::new("kill").args(["-KILL", &pid]).status().await.expect("kill runs");
            assert!(killed.success());
        });
        accepted.extend(sent.into_iter().flatten());
        server.kill().await;
        life.fetch_add(1, Ordering::SeqCst);
        server.run().await;
    }
    assert!(accepted.len() > rounds as usize, "the load was real");
    let complete = receiver.wait_until("every accepted event came to both", |_| {
        let copies = copies.lock().expect("unbroken");
        ["/a", "/b"].iter().all(|path| accepted.iter().all(|id| copies.contains_key(&((*path).to_owned(), id.clone()))))
    });
    complete.await;
    for ((path, id), lives) in copies.lock().expect("unbroken").iter() {
        let distinct: HashSet<_> = lives.iter().collect();
        assert_eq!(distinct.len(), lives.len(), "seed {seed}: {id} came to {path} twice in one life: {lives:?}");
    }
    let settled = server.wait_until("/endpoints", |list| {
        list["data"].as_array().is_some_and(|all| all.iter().all(|one| one["health"]["pending"] == 0))
    });
    settled.await;
}

/// Sends until it is stopped or the server is gone; returns what was answered 202.
async fn send(server: &gancho_testkit::Server, name: String, stop: &AtomicBool) -> Vec<String> {
    let mut accepted = vec![];
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        n += 1;
        let event =
            json!({"event": "demo.made", "data": {"object": {"name": format!("{name}-{n}"), "text": "x".repeat(700)}}});
        match server.try_call(Method::POST, "/events", event).await {
            Some(answer) if answer.status == 202 => {
                accepted.push(answer.body["id"].as_str().expect("an id").to_owned());
            }
            Some(answer) => assert_eq!(answer.status, 503, "{}", answer.body),
            None => break,
        }
    }
    accepted
}

async fn join_all<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in all.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
