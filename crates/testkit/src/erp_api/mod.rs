//! A fake of the ERP's REST API with recorded behaviour, including its quirks.

mod answer;
mod question;
mod table;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use gancho_facturascripts::{columns, resource::Resource};
use serde_json::Value;
use tokio::net::TcpListener;

pub use question::Asked;
use table::Table;

use crate::Engine;

/// The key with full access.
pub const FULL_KEY: &str = "FULLKEY0123456789";

/// A simulated failure.
#[derive(Clone, Debug)]
pub enum Trap {
    /// An HTML page instead of JSON, with this status.
    Html(u16),
    /// An empty list, as for a filter with invalid SQL.
    Empty,
    /// A list truncated to this many records.
    Cut(usize),
    /// Truncated JSON.
    Torn,
    /// A list without the number of matching records, as in old versions.
    Uncounted,
    /// Text in a charset other than UTF-8.
    Latin,
    /// The record does not exist.
    NoRecord,
    /// The API is disabled.
    Off,
    /// A redirect.
    Moved(String),
    /// A delayed response.
    Late(Duration),
}

type Traps = Box<dyn FnMut(&Asked) -> Option<Trap> + Send>;

struct Inner {
    engine: Engine,
    tables: BTreeMap<String, Table>,
    /// Keys, each with the lists that it may read; all if `None`.
    keys: HashMap<String, Option<Vec<String>>>,
    incidents: u32,
    asked: Vec<Asked>,
    traps: Traps,
}

/// A fake ERP on its own port.
pub struct ErpApi {
    inner: Arc<Mutex<Inner>>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl ErpApi {
    /// An empty ERP, whose values look as with this database.
    pub async fn start(engine: Engine) -> Self {
        let tables = columns::tables().iter().map(|table| (Resource::of(table.model).name, Table::new(table)));
        let inner = Arc::new(Mutex::new(Inner {
            engine,
            tables: tables.collect(),
            keys: HashMap::from([(FULL_KEY.to_owned(), None)]),
            incidents: 0,
            asked: vec![],
            traps: Box::new(|_| None),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let router = Router::new().fallback(answer).with_state(inner.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves");
        });
        Self { inner, address, task }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Creates or replaces a record. Values as in the database: dates as `2026-11-25`, texts escaped.
    pub fn put(&self, model: &str, record: Value) {
        let Value::Object(record) = record else { panic!("a record is an object") };
        lock(&self.inner).table(model).put(record);
    }

    /// Changes columns of a record.
    pub fn set(&self, model: &str, key: &str, columns: Value) {
        let Value::Object(columns) = columns else { panic!("columns are an object") };
        lock(&self.inner).table(model).set(key, columns);
    }

    /// Removes a record.
    pub fn remove(&self, model: &str, key: &str) {
        lock(&self.inner).table(model).remove(key);
    }

    /// Replaces the tables of these models with these records, all at once.
    pub fn fill(&self, tables: Vec<(&str, Vec<gancho_model::Record>)>) {
        let mut inner = lock(&self.inner);
        tables.into_iter().for_each(|(model, records)| inner.table(model).fill(records));
    }

    /// Waits until everything was polled again, and changes were submitted.
    pub async fn settled(&self) {
        let is_last = |asked: &Asked| {
            let narrowed = asked.query.iter().any(|(name, _)| name.starts_with("filter"));
            asked.list == "roleaccess" && asked.is_page() && !narrowed
        };
        // The last request of a cycle; after the third one, all earlier responses are compared and stored.
        let before = self.count(is_last);
        let waiting = async {
            while self.count(is_last) < before + 3 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(crate::PATIENCE, waiting).await.expect("the ERP is asked again and again");
    }

    /// Another plugin of the ERP adds a column.
    pub fn add_column(&self, model: &str, name: &str, kind: columns::Kind) {
        lock(&self.inner).table(model).add_column(name, kind);
    }

    /// A key that may read only these lists.
    pub fn allow(&self, key: &str, lists: &[&str]) {
        let lists = lists.iter().map(|&list| list.to_owned()).collect();
        lock(&self.inner).keys.insert(key.to_owned(), Some(lists));
    }

    /// Simulates failures from now on.
    pub fn trap(&self, traps: impl FnMut(&Asked) -> Option<Trap> + Send + 'static) {
        lock(&self.inner).traps = Box::new(traps);
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.inner).asked.clone()
    }

    /// Number of requests so far that match.
    pub fn count(&self, like: impl Fn(&Asked) -> bool) -> usize {
        lock(&self.inner).asked.iter().filter(|asked| like(asked)).count()
    }

    /// Number of refusals so far: the fifth blocks everyone.
    pub fn incidents(&self) -> u32 {
        lock(&self.inner).incidents
    }

    /// Ends the block, as after ten minutes.
    pub fn pardon(&self) {
        lock(&self.inner).incidents = 0;
    }
}

impl Drop for ErpApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    fn table(&mut self, model: &str) -> &mut Table {
        let name = Resource::of(model).name;
        self.tables.get_mut(&name).unwrap_or_else(|| panic!("no table of {model}"))
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, uri: Uri, headers: HeaderMap) -> Response {
    let asked = Asked::read(&uri);
    let trap = {
        let mut inner = lock(&inner);
        inner.asked.push(asked.clone());
        (inner.traps)(&asked)
    };
    if let Some(Trap::Late(wait)) = &trap {
        tokio::time::sleep(*wait).await;
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = header("x-auth-token").or_else(|| header("token")).unwrap_or_default();
    answer::answer(&mut lock(&inner), &asked, key, trap)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
