//! SIGKILL can't show a missing flush: the system calls can. Between what an event wrote and its
//! `202`, the write-ahead log is flushed.

use gancho_testkit::{Server, ServerOptions};

use crate::BINARY;

#[tokio::test]
async fn the_log_is_flushed_before_every_202() {
    let dir = tempfile::tempdir().expect("a folder");
    let trace = dir.path().join("trace");
    let options = ServerOptions {
        before: [
            "strace",
            "-D",
            "-f",
            "-y",
            "-s",
            "24",
            "-o",
            trace.to_str().expect("a path"),
            "-e",
            "trace=pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg",
        ]
        .map(ToOwned::to_owned)
        .into(),
        ..ServerOptions::default()
    };
    let mut server = Server::start(BINARY, options).await;
    for _ in 0..20 {
        server.send("demo.made").await;
    }
    assert_eq!(server.stop().await, Some(0));
    let trace = std::fs::read_to_string(&trace).expect("the trace (./test installs strace)");
    let (answers, unflushed) = judge(&trace);
    assert_eq!(answers, 20, "{trace}");
    assert_eq!(unflushed, 0, "{trace}");
}

#[test]
fn the_judge_sees_a_missing_flush() {
    let write = r#"1 pwrite64(5</x/gancho.db-wal>, "..."..., 4096, 32) = 4096"#;
    let flush = "1 fdatasync(5</x/gancho.db-wal>) = 0";
    let begun = "1 fdatasync(5</x/gancho.db-wal> <unfinished ...>";
    let ended = "1 <... fdatasync resumed>)          = 0";
    let answer = r#"2 writev(9<socket:[1]>, [{iov_base="HTTP/1.1 202 Accepted\r\nco"..., iov_len=1}], 2) = 1"#;
    let trace = |lines: &[&str]| judge(&lines.join("\n"));
    assert_eq!(trace(&[write, flush, answer]), (1, 0));
    assert_eq!(trace(&[write, begun, ended, answer]), (1, 0));
    assert_eq!(trace(&[write, answer, flush]), (1, 1));
    assert_eq!(trace(&[write, begun, answer, ended]), (1, 1));
    assert_eq!(trace(&[write, flush, answer, answer]), (2, 1), "an answer without a write of its own");
}

/// How many `202` there were, and how many of them without a flushed write before them.
fn judge(trace: &str) -> (u32, u32) {
    let (mut answers, mut unflushed) = (0, 0);
    let (mut written, mut flushed) = (false, false);
    for line in trace.lines() {
        let of_log = line.contains("gancho.db-wal");
        if line.contains("pwrite64(") && of_log {
            (written, flushed) = (true, false);
        } else if (line.contains("fdatasync(") || line.contains("fsync(")) && of_log && line.ends_with("= 0")
            || (line.contains("sync resumed>") && line.ends_with("= 0"))
        {
            flushed = true;
        } else if line.contains("HTTP/1.1 202") {
            answers += 1;
            unflushed += u32::from(!(written && flushed));
            (written, flushed) = (false, false);
        }
    }
    (answers, unflushed)
}
