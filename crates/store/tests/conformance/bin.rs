use gancho_model::{Bin, BinId, BinRequest, BinResponse, limits::BIN_REQUESTS_MAX};
use gancho_store::StoreError;

use crate::Bench;

fn bin(bench: &Bench) -> Bin {
    let now = bench.now();
    let id = BinId::new(now, &*bench.environment);
    Bin { id, respond: BinResponse::default(), received: 0, created_at: now, expires_at: now.plus_ms(60_000) }
}

fn request(bench: &Bench, body: &str) -> BinRequest {
    let headers = vec![("x-a".to_owned(), "1".to_owned()), ("x-a".to_owned(), "2".to_owned())];
    let (method, rest, body) = ("POST".to_owned(), "/deep?x=1".to_owned(), body.as_bytes().to_vec());
    BinRequest { n: 0, at: bench.now(), method, rest, headers, body, truncated: false }
}

pub(crate) async fn a_bin_keeps_what_comes_until_it_expires(bench: Bench) {
    let made = bin(&bench);
    bench.store.add_bin(made.clone(), bench.now()).await.expect("added");
    for (n, body) in [(1, "one"), (2, "two\u{0}ñ")] {
        let (kept, number) = bench.store.keep_request(made.id, request(&bench, body)).await.expect("kept");
        assert_eq!((kept.id, number), (made.id, n));
    }
    let all = bench.store.bin_requests(made.id, 0, 10, bench.now()).await.expect("reads");
    assert_eq!(all[1], BinRequest { n: 2, ..request(&bench, "two\u{0}ñ") });
    assert_eq!(bench.store.bin_requests(made.id, 1, 10, bench.now()).await.expect("reads"), all[1..]);
    let respond = BinResponse { status: 500, ..BinResponse::default() };
    bench.store.save_bin(Bin { respond: respond.clone(), ..made.clone() }, bench.now()).await.expect("saved");
    assert_eq!(bench.store.bin(made.id, bench.now()).await.expect("there").respond, respond);
    bench.environment.advance_ms(60_000);
    assert_eq!(bench.store.bin(made.id, bench.now()).await, Err(StoreError::NotFound));
    let late = bench.store.keep_request(made.id, request(&bench, "late")).await;
    assert_eq!(late.map(drop), Err(StoreError::NotFound));
    assert_eq!(bench.store.bins(bench.now()).await.expect("reads"), []);
}

pub(crate) async fn of_very_many_requests_the_newest_stay(bench: Bench) {
    let made = bin(&bench);
    bench.store.add_bin(made.clone(), bench.now()).await.expect("added");
    let most = u64::try_from(BIN_REQUESTS_MAX).expect("a number");
    for _ in 0..most + 3 {
        bench.store.keep_request(made.id, request(&bench, "x")).await.expect("kept");
    }
    let kept = bench.store.bin_requests(made.id, 0, 10_000, bench.now()).await.expect("reads");
    assert_eq!((kept.len() as u64, kept[0].n), (most, 4));
    bench.store.remove_bin(made.id).await.expect("removed");
    assert_eq!(bench.store.remove_bin(made.id).await, Err(StoreError::NotFound));
}
