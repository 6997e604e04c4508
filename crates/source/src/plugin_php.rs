//! The plugin's PHP composes the same bytes as this crate: compared over a thousand generated sequences of batches.

use std::{collections::BTreeMap, io::Write as _, process::Stdio};

use gancho_facturascripts::{ReferenceData, Watched, shape::Shape, understand};
use gancho_model::{Origin, Rng, canonical};
use gancho_service::outbox::{OutboxPayload, OutboxPayloadDocument, OutboxPayloadRow, OutboxPayloadTable};
use gancho_testkit::ManualClock;
use serde_json::{Map, Value, json};

use super::{Composed, compose, schema};
use crate::{
    capture::CapturePlan,
    grouping::{CommitTracker, Composer},
};

const QUIET_MS: i64 = 300;

/// A column: its name, the database's type, and the kind of its values.
type Column = (&'static str, &'static str, &'static str);

/// Tables, their keys, and the columns in rows.
const TABLES: &[(&str, &str, &[Column])] = &[
    (
        "facturascli",
        "idfactura",
        &[
            ("codigo", "varchar(20)", "text"),
            ("total", "double", "number"),
            ("pagada", "tinyint(1)", "bool"),
            ("vencida", "tinyint(1)", "bool"),
            ("idestado", "int(11)", "state"),
            ("fecha", "date", "date"),
            ("idasiento", "int(11)", "int"),
        ],
    ),
    (
        "lineasfacturascli",
        "idlinea",
        &[
            ("idfactura", "int(11)", "document"),
            ("orden", "int(11)", "int"),
            ("cantidad", "double", "number"),
            ("servido", "double", "number"),
            ("descripcion", "text", "text"),
        ],
    ),
    (
        "recibospagoscli",
        "idrecibo",
        &[
            ("codigofactura", "varchar(20)", "text"),
            ("numero", "int(11)", "int"),
            ("pagado", "tinyint(1)", "bool"),
            ("vencido", "tinyint(1)", "bool"),
        ],
    ),
    (
        "pagoscli",
        "idpago",
        &[("importe", "double", "number"), ("idrecibo", "int(11)", "int"), ("hora", "time", "time")],
    ),
    (
        "clientes",
        "codcliente",
        &[
            ("nombre", "varchar(100)", "text"),
            ("riesgoalcanzado", "double", "number"),
            ("extra", "decimal(10,2)", "number"),
        ],
    ),
    (
        "stocks",
        "idstock",
        &[("disponible", "double", "number"), ("stockmin", "double", "number"), ("referencia", "varchar(30)", "text")],
    ),
    (
        "users",
        "nick",
        &[
            ("enabled", "tinyint(1)", "bool"),
            ("email", "varchar(100)", "text"),
            ("lastip", "varchar(40)", "text"),
            ("creationdate", "timestamp", "timestamp"),
            ("my_token", "text", "text"),
        ],
    ),
    ("roles_users", "id", &[("nick", "varchar(50)", "nick"), ("codrole", "varchar(20)", "role")]),
    ("roles_access", "id", &[("codrole", "varchar(20)", "role"), ("allowdelete", "tinyint(1)", "bool")]),
    ("estados_documentos", "idestado", &[("generadoc", "varchar(30)", "text"), ("editable", "tinyint(1)", "bool")]),
    ("otros", "id", &[("algo", "json", "text"), ("cuando", "datetime", "timestamp"), ("cuanto", "float", "number")]),
];

/// Generates data from a seed.
struct Generator(ManualClock);

impl Generator {
    fn number(&self, below: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % below as u64).expect("small")
    }

    fn one<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.number(of.len())]
    }

    fn value(&self, kind: &str) -> Value {
        if self.number(8) == 0 {
            return Value::Null;
        }
        let values = match kind {
            "bool" => json!([true, false, 1, 0, "t", "f"]),
            "int" => json!([0, 1, 2, "3", "07", " 12 ", 5.0, "x"]),
            "state" => json!([1, 2, 10, 11, "10", 23, 30]),
            "document" => json!([1, 2]),
            "number" => json!([
                0,
                -0.0,
                70,
                70.0,
                "70.00",
                84.7,
                "84.70",
                0.1,
                1e21,
                1e-7,
                123_456_789.125,
                "1e25",
                -3.5,
                "12.",
                ".5",
                "inf",
                1e300,
                5e-324,
                100.25,
                "-0"
            ]),
            "date" => json!(["2026-11-23", "23-11-2026", "2026-02-30", "0000-00-00", "hoy"]),
            "time" => json!(["18:30:00", "18:30:00.123", "25:00:00", "8:30:00"]),
            "timestamp" => json!([
                "2026-11-23 18:12:15",
                "23-11-2026 18:12:15",
                "2026-10-25 02:30:00",
                "2026-03-29 02:30:00",
                "2026-07-01T10:00:00.5",
                "2026-11-23T18:12:15+01:00",
                "2026-11-23 18:12:15Z",
                "nunca"
            ]),
            "nick" => json!(["ana", "luis", "eva"]),
            "role" => json!(["jefes", "ventas"]),
            _ => json!([
                "",
                "Ana",
                " Ana ",
                "O&#39;Reilly &amp; &quot;Söhne&quot; &lt;b&gt; &&lt;",
                "línea\nnueva\t\u{1}",
                "a\u{2028}b/c\\d\"",
                "\u{1F600}",
                4,
                "007",
                "{}",
                "ñ".repeat(100)
            ]),
        };
        self.one(values.as_array().expect("a list")).clone()
    }

    /// A row of a table, with some of its columns.
    fn record(&self, table: usize) -> Map<String, Value> {
        let (name, key, columns) = TABLES[table];
        let number = 1 + self.number(3);
        let key_value = match name {
            "users" => json!(*self.one(&["ana", "luis", "eva"])),
            "clientes" => json!(number.to_string()),
            _ => json!(number),
        };
        let mut record: Map<String, Value> = columns
            .iter()
            .filter(|(column, ..)| *column == "idfactura" || self.number(10) > 0)
            .map(|(column, _, kind)| ((*column).to_owned(), self.value(kind)))
            .collect();
        record.insert(key.to_owned(), key_value);
        record
    }

    fn row(&self, id: i64, at_ms: i64) -> OutboxPayloadRow {
        let table = self.number(TABLES.len() + 4) % TABLES.len();
        let op = *self.one(&["I", "I", "U", "U", "U", "D"]);
        let new = (op != "D").then(|| self.record(table));
        let old = (op != "I").then(|| {
            let mut old = self.record(table);
            if let Some(new) = &new {
                // The same row with some columns unchanged.
                let key = TABLES[table].1;
                old.insert(key.to_owned(), new[key].clone());
                old.retain(|column, _| column == key || self.number(3) > 0);
            }
            old
        });
        let secrets = if TABLES[table].0 == "users" && self.number(2) == 0 {
            vec!["logkey".into(), "password".into()]
        } else {
            vec![]
        };
        OutboxPayloadRow {
            id,
            mark: (*self.one(&["a", "b", "c"])).to_owned(),
            tx: self.one(&[None, Some("0"), Some("-1"), Some("t1"), Some("t2")]).map(ToOwned::to_owned),
            at_ms,
            table: TABLES[table].0.to_owned(),
            op: op.to_owned(),
            old,
            new,
            secrets,
            busy: self.number(12) == 0,
            gone: self.number(3) == 0,
            origin: self
                .one(&[
                    None,
                    Some(r#"{"kind":"user","id":"ana"}"#),
                    Some(r#"{"name":"Tienda","kind":"api","id":3}"#),
                    Some("{}"),
                ])
                .map(ToOwned::to_owned),
        }
    }

    /// A row that is not a change: an event of another plugin, or a note on a session.
    fn other(&self, id: i64, at_ms: i64) -> OutboxPayloadRow {
        let mut row = self.row(id, at_ms);
        (row.old, row.secrets) = (None, vec![]);
        if self.number(2) == 0 {
            let data = json!([{"a": 1}, {"object": {"codigo": "X", "b": {}, "c": []}, "z": 1.5}, {"object": 3, "d": {"e": {}}}, {}]);
            (row.op, row.table) =
                ("E".into(), (*self.one(&["sub.renewed", "endpoint.failing", "Bad.Type", "a.b.c_1"])).into());
            row.new = self.one(data.as_array().expect("a list")).as_object().cloned();
        } else {
            (row.op, row.table) = ("N".into(), "users".into());
            let note = json!({"nick": self.one(&["ana", "luis"]), "session": self.one(&["login", "logout", "odd"])});
            row.new = note.as_object().cloned();
        }
        row
    }

    fn documents(&self) -> Vec<OutboxPayloadDocument> {
        let document = |key: usize| {
            let lines = (0..self.number(4)).map(|_| {
                let mut line = self.record(1);
                line.insert("idfactura".into(), json!(key));
                line
            });
            // One line per key.
            let lines: BTreeMap<String, Map<String, Value>> =
                lines.map(|line| (line["idlinea"].to_string(), line)).collect();
            let record = (self.number(5) > 0).then(|| {
                let mut record = self.record(0);
                record.insert("idfactura".into(), json!(key));
                record
            });
            OutboxPayloadDocument {
                table: "facturascli".into(),
                key: key.to_string(),
                record,
                lines: lines.into_values().collect(),
            }
        };
        (1..=3).filter(|_| self.number(12) > 0).map(document).collect()
    }
}

/// Captured tables: those outside the catalogue only on request.
fn tables(models: Option<&[String]>) -> BTreeMap<String, OutboxPayloadTable> {
    let table = |(name, key, columns): &(&str, &str, &[Column])| {
        let typed = columns.iter().map(|(column, of, _)| ((*column).to_owned(), (*of).to_owned()));
        let columns = typed.chain([((*key).to_owned(), "int(11)".to_owned())]);
        ((*name).to_owned(), OutboxPayloadTable { key: (*key).to_owned(), columns: columns.collect() })
    };
    TABLES.iter().filter(|(name, ..)| models.is_some() || *name != "otros").map(table).collect()
}

/// The events of a batch, byte for byte.
fn written(composed: Composed, shape: &Shape, watched: &Watched, known: &mut ReferenceData) -> Value {
    let origins: Vec<Option<Origin>> = composed.changes.iter().map(|change| change.origin.clone()).collect();
    let understood = understand(composed.changes, shape, watched, known);
    let of_changes = understood.events.into_iter().map(|(made_of, event)| {
        let origin = Origin::shared(made_of.iter().map(|place| origins[*place].as_ref()));
        let data = canonical::to_string(&Value::Object(event.data));
        let at = event.at.map(gancho_model::Timestamp::ms);
        json!([
            event.event.as_str(),
            data,
            event.label,
            event.object.map(|object| object.to_string()),
            at,
            origin.map(|origin| canonical::to_string(&origin.to_json()))
        ])
    });
    let mut events: Vec<Value> = of_changes.collect();
    events.extend(composed.events.into_iter().map(|(event, _)| {
        let label = event.data.get("object").and_then(Value::as_object).and_then(gancho_facturascripts::label);
        let origin = event.origin.map(|origin| canonical::to_string(&origin.to_json()));
        json!([
            event.event.as_str(),
            canonical::to_string(&Value::Object(event.data)),
            label,
            null,
            event.created.map(gancho_model::Timestamp::ms),
            origin
        ])
    }));
    json!({"taken": composed.taken, "waiting": composed.waiting, "events": events})
}

/// A few batches of one outbox: the plugin's input and our output.
fn sequence(seed: u64) -> (Value, Vec<Value>) {
    let generator = Generator(ManualClock::new(seed, 1_800_000_000));
    let models: Option<Vec<String>> = (generator.number(2) == 0).then(|| {
        [
            "FacturaCliente",
            "ReciboCliente",
            "PagoCliente",
            "clientes",
            "User",
            "Stock",
            "RoleUser",
            "RoleAccess",
            "otros",
        ]
        .map(Into::into)
        .to_vec()
    });
    let shape = Shape::new("Europe/Madrid").expect("a zone");
    let watched = Watched::new(models.as_deref());
    let (mut tracker, mut known) = (CommitTracker::default(), ReferenceData::default());
    let (mut id, mut now) = (0, 1_800_000_000_000);
    let (mut waiting, mut looks, mut right): (Vec<OutboxPayloadRow>, Vec<Value>, Vec<Value>) = Default::default();
    for _ in 0..2 + generator.number(4) {
        for _ in 0..generator.number(9) {
            id += 1;
            now += *generator.one(&[0, 1, 20, 250, 350, 1_500]);
            waiting.push(if generator.number(7) == 0 { generator.other(id, now) } else { generator.row(id, now) });
        }
        now += *generator.one(&[0, 10, 290, 400, 6_000]);
        let shown = if generator.number(5) == 0 { waiting.len().min(1 + generator.number(6)) } else { waiting.len() };
        let payload = OutboxPayload {
            now_ms: now,
            tables: tables(models.as_deref()),
            rows: waiting[..shown].to_vec(),
            documents: generator.documents(),
            more: shown < waiting.len(),
            largest: generator.number(4) == 0,
            ..OutboxPayload::default()
        };
        looks.push(json!({"now_ms": payload.now_ms, "rows": payload.rows, "documents": payload.documents, "more": payload.more, "largest": payload.largest}));
        let plan = CapturePlan::new(&schema(&payload), models.as_deref());
        let composed = compose(&Composer::new(&plan, &shape), payload, (&mut tracker, QUIET_MS));
        waiting.retain(|row| !composed.taken.contains(&row.id));
        right.push(written(composed, &shape, &watched, &mut known));
    }
    (json!({"models": models, "tables": tables(models.as_deref()), "looks": looks}), right)
}

#[test]
fn php_understands_the_same() {
    let sequences: Vec<(Value, Vec<Value>)> = (0..1_000).map(sequence).collect();
    let input: String = sequences.iter().map(|(sequence, _)| format!("{sequence}\n")).collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/tests/acts.php");
    let mut php = gancho_testkit::php()
        .args(["-d", "display_errors=stderr", "-d", "serialize_precision=5", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tests need php: ./test installs it");
    let mut stdin = php.stdin.take().expect("its input");
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()).expect("it reads"));
    let output = php.wait_with_output().expect("it ends");
    writing.join().expect("written");
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let mut events = 0;
    for (n, (line, (sequence, right))) in said.lines().zip(&sequences).enumerate() {
        let looks: Vec<Value> = serde_json::from_str(line).expect("JSON");
        for (look, (ours, right)) in looks.iter().zip(right).enumerate() {
            assert_eq!(ours, right, "seed {n}, look {look}: {}\n{}", sequence["models"], sequence["looks"][look]);
            events += right["events"].as_array().map_or(0, Vec::len);
        }
    }
    assert_eq!(said.lines().count(), sequences.len());
    assert!(events > 5_000, "{events} events were compared");
}
