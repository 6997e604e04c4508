//! The folder in which everything rests: for nobody else, and never made by a slip of the hand.

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
};

use gancho_testkit::{Server, ServerOptions};

use crate::{
    BINARY, server,
    settings::{refused, run},
};

/// The account that owns nothing.
const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

#[tokio::test]
async fn its_files_are_closed_to_others_whatever_it_was() {
    let mut server = server().await;
    let files = ["gancho.db", "gancho.db-wal", "gancho.db-shm", "secret.key"];
    let data = server.data_dir();
    for name in files {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    // As an older version left it, in a folder that a person made.
    server.kill().await;
    fs::set_permissions(&data, Permissions::from_mode(0o755)).expect("a mode");
    for name in files {
        fs::set_permissions(data.join(name), Permissions::from_mode(0o644)).expect("a mode");
    }
    server.run().await;
    for name in files {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&data), 0o755, "the folder is the person's: she is reported");
    let doctor = run(&["doctor", "--data-dir", data.to_str().expect("a path")], &[]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("chmod 700"), "{said}");
}

#[test]
fn an_empty_database_is_no_new_start() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let path = data.to_str().expect("a path");
    fs::create_dir(&data).expect("a folder");
    let made = run(&["token", "create", "--name", "n", "--data-dir", path], &[]);
    assert!(made.status.success(), "a folder that is there is set up: {}", String::from_utf8_lossy(&made.stderr));
    fs::write(data.join("gancho.db"), "").expect("writes");
    for name in ["gancho.db-wal", "gancho.db-shm"] {
        let _ = fs::remove_file(data.join(name));
    }
    refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", path], &[], "gancho.db is empty");
    assert_eq!(fs::metadata(data.join("gancho.db")).expect("still there").len(), 0, "nothing is made in its place");
}

/// Neither is worked on with half of it, nor is anything removed.
#[test]
fn a_damaged_database_is_named_with_the_remedy() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("data");
    fs::create_dir(&path).expect("a folder");
    let data = path.to_str().expect("a path");
    let made = run(&["token", "create", "--name", "n", "--data-dir", data], &[]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = path.join("gancho.db");
    let whole = fs::read(&file).expect("a file");
    for damaged in [0..100, 8192..whole.len()] {
        let mut bytes = whole.clone();
        bytes[damaged].fill(0xa5);
        fs::write(&file, &bytes).expect("writes");
        for name in ["gancho.db-wal", "gancho.db-shm"] {
            let _ = fs::remove_file(path.join(name));
        }
        let served = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data], &[]);
        let said = String::from_utf8_lossy(&served.stderr).into_owned();
        assert!(served.status.code().is_some_and(|code| code == 1 || code == 2), "it does not serve: {said}");
        assert!(said.contains("damaged") && said.contains("gancho restore"), "{said}");
        let doctor = String::from_utf8(run(&["doctor", "--data-dir", data], &[]).stdout).expect("text");
        assert!(doctor.contains("gancho restore"), "{doctor}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_not_made_by_the_way() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("nowhere");
    let path = data.to_str().expect("a path");
    refused(&["token", "create", "--name", "n", "--data-dir", path], &[], "nothing was made");
    let mut add = Command::new(BINARY)
        .args(["user", "add", "ana", "--role", "admin", "--data-dir", path])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    add.stdin.take().expect("its input").write_all(b"a long enough password\n").expect("it reads");
    let output = add.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing was made"));
    assert!(!data.exists());
}

/// RFC 9112 §3.2: a request without a Host, or with two, is a bad one.
#[tokio::test]
async fn a_request_names_its_host_once() {
    let server = Server::start(BINARY, ServerOptions::default()).await;
    let address = server.base().strip_prefix("http://").expect("an address").to_owned();
    for (host, status) in [
        ("", "400"),
        ("Host: a\r\nHost: a\r\n", "400"),
        ("Host: a\r\nHost: b\r\n", "400"),
        ("Host: a\r\n", "200"),
        ("Host:\r\n", "200"),
    ] {
        let mut stream = TcpStream::connect(&address).expect("connects");
        let request = format!("GET /healthz HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("reads");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host:?}: {answer}");
    }
}

#[tokio::test]
async fn for_ever_is_a_time() {
    let server = server().await;
    for since in ["9999-12-31T23:59:59Z", "9999-12-31T00:00:00.5+02:00", "9999-12-30T23:00:00Z"] {
        let since = since.replace('+', "%2B");
        let page = server.get(&format!("/events?since={since}")).await;
        assert_eq!(page["data"].as_array().map(Vec::len), Some(0), "{since}");
    }
}

/// An administrator restores a copy as root, and the service that runs as an account of its own starts on it.
#[test]
fn what_root_makes_in_the_folder_of_a_service_belongs_to_the_service() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can give files away.
    }
    let dir = tempfile::tempdir().expect("a folder");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("a mode");
    let (service, other) = (dir.path().join("service"), dir.path().join("other"));
    for data in [&service, &other] {
        fs::create_dir(data).expect("a folder");
        std::os::unix::fs::chown(data, Some(NOBODY), Some(NOBODY)).expect("given away");
    }
    let of = |path: &Path| path.to_str().expect("a path").to_owned();
    let (data, copy) = (of(&service), of(&dir.path().join("copy.db")));
    let is_well = |arguments: &[&str]| {
        let ended = run(arguments, &[]);
        assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    is_well(&["token", "create", "--name", "n", "--data-dir", &data]);
    is_well(&["backup", &copy, "--with-key", "--data-dir", &data]);
    fs::remove_file(service.join("gancho.db")).expect("removed");
    is_well(&["restore", &copy, "--data-dir", &data]);
    is_well(&["migrate", "--from", "sqlite", "--to", &format!("sqlite:{}", of(&other)), "--data-dir", &data]);
    for data in [&service, &other] {
        let owned = fs::read_dir(data).expect("a folder").flatten().map(|entry| {
            let metadata = entry.metadata().expect("is there");
            (entry.file_name(), metadata.uid(), metadata.gid())
        });
        let others: Vec<_> = owned.filter(|(_, user, group)| (*user, *group) != (NOBODY, NOBODY)).collect();
        assert!(data.join("gancho.db").is_file() && others.is_empty(), "{others:?}");
    }
    // Whoever owns the folder can put a link to a file of root's there: that one is not given away.
    let (precious, link) = (dir.path().join("precious"), other.join("gancho.db.search-journal"));
    fs::write(&precious, "root's").expect("written");
    fs::hard_link(&precious, &link).expect("linked");
    is_well(&["token", "create", "--name", "m", "--data-dir", &of(&other)]);
    assert_eq!(fs::metadata(&precious).expect("is there").uid(), 0);
    // One that belongs to somebody else is named, with what to do.
    std::os::unix::fs::chown(service.join("gancho.db"), Some(0), Some(0)).expect("taken back");
    // Where that account may run it.
    let program = of(&dir.path().join("gancho"));
    fs::copy(BINARY, &program).expect("copied");
    let account = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let serve = [&program, "serve", "--listen", "127.0.0.1:0", "--data-dir", &data];
    let served = Command::new("setpriv").args(account).args(serve).output().expect("runs");
    let printed = String::from_utf8_lossy(&served.stderr).into_owned();
    assert!(served.status.code() == Some(2) && printed.contains("belongs to the account number 0"), "{printed}");
}
