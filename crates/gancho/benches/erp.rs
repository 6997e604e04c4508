//! What hearing an ERP's database costs the ERP, how soon an event arrives, and how fast a backlog
//! comes in; and how an ERP with a million records is read over its API.
//! `cargo bench -p gancho --bench erp`, on real MariaDB and PostgreSQL with every commit flushed.

use std::time::Duration;

use gancho_testkit::{
    Database, DatabaseClient, Engine, ErpApi, FULL_KEY, Instance, Receiver, Respond, Server, ServerOptions,
};
use serde_json::json;
use tokio::time::Instant;

/// Invoices in each measurement of cost and time to arrive.
const INVOICES: i64 = 400;
const EVENTS: i64 = 60;
/// Rows of the backlog.
const BACKLOG: i64 = 1_000_000;
/// Invoices that a polled ERP makes.
const POLLED: i64 = 30;
/// Records of an ERP that is asked.
const RECORDS: u64 = 1_000_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let parts: Vec<String> = std::env::args().skip(1).filter(|one| !one.starts_with('-')).collect();
    if parts.is_empty() || parts.iter().any(|one| one == "sweep") {
        runtime.block_on(sweep());
    }
    if parts.is_empty() || parts.iter().any(|one| one == "poll") {
        runtime.block_on(poll());
    }
    if parts.iter().all(|one| one == "sweep" || one == "poll") && !parts.is_empty() {
        return;
    }
    // Each database server lives as long as this thread.
    for engine in Engine::ALL {
        let instance = Instance::start_durable(engine);
        println!("\n{engine:?}");
        let wanted = |part: &str| parts.is_empty() || parts.iter().any(|one| one == part);
        if wanted("cost") {
            runtime.block_on(cost(&instance));
        }
        if wanted("arrive") {
            runtime.block_on(time_to_arrive(&instance));
        }
        if wanted("backlog") {
            runtime.block_on(backlog(&instance));
        }
    }
}

/// The statements of an invoice with two lines, one by one and with all columns, as the ERP sends them.
fn invoice(n: i64) -> Vec<String> {
    let header = "codcliente = '1', codigo = 'FAC2026A', nombrecliente = 'Talleres Ejemplo SL', cifnif = 'B00000001', \
        direccion = 'Calle Mayor 1', ciudad = 'Madrid', codpostal = '28001', provincia = 'Madrid', observaciones = '', \
        neto = 70, totaliva = 14.7, pagada = false, vencida = false, idestado = 10, fecha = '2026-11-24', hora = '18:30:00'";
    let line = |id: i64| {
        format!(
            "INSERT INTO lineasfacturascli (idlinea, idfactura, referencia, descripcion, cantidad, pvpunitario, pvpsindto, \
             pvptotal, iva, codimpuesto, orden, servido, actualizastock) \
             VALUES ({id}, {n}, 'P-1', 'Producto uno', 1, 35, 35, 35, 21, 'IVA21', 0, 0, -1)"
        )
    };
    let entry = |id: i64| {
        format!(
            "INSERT INTO partidas (idpartida, idasiento, concepto, debe, haber) VALUES ({id}, {n}, 'Factura', 1, 1)"
        )
    };
    let mut statements = vec![
        "BEGIN".to_owned(),
        "UPDATE series SET descripcion = 'A' WHERE codserie = 'A'".into(),
        format!(
            "INSERT INTO facturascli (idfactura, codcliente, codigo, total, pagada, fecha, hora) \
            VALUES ({n}, '1', 'FAC2026A', 0, false, '2026-11-24', '18:30:00')"
        ),
        format!("UPDATE stocks SET cantidad = {n}, disponible = {n} WHERE idstock = 1"),
        format!("UPDATE productos SET stockfis = {n} WHERE idproducto = 1"),
        format!("UPDATE variantes SET stockfis = {n} WHERE idvariante = 1"),
        line(n * 2),
        line(n * 2 + 1),
        format!("INSERT INTO asientos (idasiento, concepto, importe) VALUES ({n}, 'Factura', 84.7)"),
    ];
    statements.extend((0..3).map(|part| entry(n * 3 + part)));
    statements.push(format!(
        "INSERT INTO recibospagoscli (idrecibo, idfactura, codcliente, importe, pagado) VALUES ({n}, {n}, '1', 84.7, false)"
    ));
    statements.push(format!("UPDATE clientes SET riesgoalcanzado = {n} WHERE codcliente = '1'"));
    statements.push(format!("UPDATE facturascli SET {header}, total = 0 WHERE idfactura = {n}"));
    statements.push(format!("UPDATE facturascli SET {header}, total = 84.7 WHERE idfactura = {n}"));
    statements.push(format!("UPDATE clientes SET riesgoalcanzado = {n} + 1 WHERE codcliente = '1'"));
    statements.push("COMMIT".into());
    statements
}

async fn furnished(instance: &Instance) -> Database {
    let database = instance.database().await;
    let rows = "INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Talleres Ejemplo SL'); \
        INSERT INTO productos (idproducto, referencia) VALUES (1, 'P-1'); \
        INSERT INTO variantes (idvariante, idproducto, referencia) VALUES (1, 1, 'P-1'); \
        INSERT INTO stocks (idstock, idproducto, referencia, cantidad) VALUES (1, 1, 'P-1', 0); \
        INSERT INTO series (codserie) VALUES ('A')";
    database.run(rows).await;
    database
}

async fn server(database: &Database) -> (Server, String) {
    let options = ServerOptions::default().env("GANCHO_LOG_LEVEL", "error");
    let server = Server::start(env!("CARGO_BIN_EXE_gancho"), options).await;
    let body = json!({"kind": "database", "name": "ERP", "url": database.url});
    let source = server.post("/sources", body, 201).await;
    let path = format!("/sources/{}", source["id"].as_str().expect("an id"));
    (server, path)
}

async fn save(client: &mut DatabaseClient, n: i64) -> Duration {
    let began = Instant::now();
    for statement in invoice(n) {
        client.run(&statement).await;
    }
    began.elapsed()
}

/// The same invoices in turn with and without triggers: their write statements alone, of which the
/// ERP's transaction is a small part (docs/performance.md).
async fn cost(instance: &Instance) {
    let (plain, heard) = (furnished(instance).await, furnished(instance).await);
    let (mut server, _) = server(&heard).await;
    // The triggers alone: our reader has a machine's other cores for itself.
    server.stop().await;
    let (mut without, mut with) = (vec![], vec![]);
    for n in 1..=INVOICES {
        // A connection for each, as the ERP opens one for each of its requests.
        for (database, times) in [(&plain, &mut without), (&heard, &mut with)] {
            let mut client = database.client().await;
            times.push(save(&mut client, n).await);
            client.close().await;
        }
    }
    let (without, with) = (median(&mut without), median(&mut with));
    let more = (with.as_secs_f64() / without.as_secs_f64() - 1.0) * 100.0;
    println!("the write statements of an invoice without triggers {without:.2?}, with {with:.2?}: {more:+.1} %");
}

/// From the end of the ERP's transaction to the receiver.
async fn time_to_arrive(instance: &Instance) {
    let database = furnished(instance).await;
    let (server, _) = server(&database).await;
    let receiver = Receiver::start().await;
    server.add_endpoint(&receiver.url("/hook"), &["invoice.created"]).await;
    let mut times = vec![];
    for n in 1..=EVENTS {
        let mut client = database.client().await;
        save(&mut client, n).await;
        let ended = Instant::now();
        client.close().await;
        receiver.wait_for(usize::try_from(n).expect("small")).await;
        times.push(ended.elapsed());
        // Not in step with our own looks.
        tokio::time::sleep(Duration::from_millis(u64::try_from(n * 37 % 450).unwrap_or(0))).await;
    }
    println!("from the end of the ERP's request to the receiver: median {:.0?}", median(&mut times));
}

/// A week's rows waiting.
async fn backlog(instance: &Instance) {
    let database = furnished(instance).await;
    let (mut server, source) = server(&database).await;
    server.stop().await;
    let mut client = database.client().await;
    // Every row an act of its own: nothing folds.
    let fill = match database.engine {
        Engine::MariaDb => format!(
            "INSERT INTO gancho_outbox (mark, conn, at, source, op, columns, old_row, new_row) SELECT UUID(), 1, \
             '2026-11-01' + INTERVAL seq SECOND, 'clientes', 'U', '[\"codcliente\",\"nombre\"]', JSON_ARRAY('1', CONCAT('n', seq)), \
             JSON_ARRAY('1', CONCAT('n', seq + 1)) FROM seq_1_to_{BACKLOG}"
        ),
        Engine::Postgres => format!(
            "INSERT INTO gancho_outbox (id, pid, port, tx, at, source, op, old_row, new_row) SELECT n, n / 60000, n % 60000, n, \
             '2026-11-01'::timestamptz + n * interval '1 second', 'clientes', 'UPDATE', \
             jsonb_build_object('codcliente', '1', 'nombre', 'n' || n), \
             jsonb_build_object('codcliente', '1', 'nombre', 'n' || (n + 1)) FROM generate_series(1, {BACKLOG}) AS n"
        ),
    };
    client.run(&fill).await;
    let began = Instant::now();
    server.run().await;
    let mut most = 0;
    while client.number("SELECT COUNT(*) FROM gancho_outbox").await > 0 {
        most = most.max(memory_mb(server.pid()));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let per_s = BACKLOG as f64 / began.elapsed().as_secs_f64();
    println!("{BACKLOG} rows waiting: {per_s:.0} a second into the store (at least 5,000), {most} MB at most (150)");
    let backlog = server.get(&source).await;
    println!(
        "  then: {}",
        json!({"state": backlog["state"], "backlog": backlog["backlog"], "last_error": backlog["last_error"]})
    );
}

/// An ERP with many receipts is read for the first time, and then once more.
async fn sweep() {
    let api = Receiver::with(|asked| receipts(&asked.path)).await;
    let day = |s: u32| ServerOptions::default().env("GANCHO_API_SWEEP_S", s).env("GANCHO_LOG_LEVEL", "error");
    let options = day(1).env("GANCHO_API_REQUESTS_PER_S", 10_000).env("GANCHO_API_NEW_S", 1);
    let options = options.env("GANCHO_API_CHANGES_S", 86_400);
    let server = Server::start(env!("CARGO_BIN_EXE_gancho"), options).await;
    let source = json!({"kind": "api", "name": "ERP", "url": api.url(""), "key": "KEY", "models": ["ReciboCliente"]});
    server.post("/sources", source, 201).await;
    let mut most = 0;
    for name in ["for the first time", "again, with nothing changed"] {
        let began = Instant::now();
        // A reading ends with a page that holds the last record.
        let last = format!("idrecibo_gt%5D={}&", RECORDS - 100);
        api.forget();
        while !api.about(|came| came.iter().any(|one| one.path.contains(&last))) {
            most = most.max(memory_mb(server.pid()));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let (s, parts) = (began.elapsed().as_secs_f64(), RECORDS as f64 / 10_000.0);
        let requests = api.about(<[_]>::len) as f64;
        println!(
            "{RECORDS} records {name}: {:.0} requests and {:.2} s per 10,000, {most} MB at most (150)",
            requests / parts,
            s / parts
        );
    }
}

/// How soon a new invoice of an ERP that is asked arrives, at the defaults.
async fn poll() {
    let erp = ErpApi::start(Engine::MariaDb).await;
    erp.put("Cliente", json!({"codcliente": "1", "nombre": "Ana"}));
    let bill = |key: i64| {
        json!({"idfactura": key, "codigo": format!("FAC{key}"), "codcliente": "1", "total": 84.7, "pagada": false,
            "fecha": "2026-11-24", "hora": "18:30:00"})
    };
    erp.put("FacturaCliente", bill(1_000));
    let options = ServerOptions::default().env("GANCHO_LOG_LEVEL", "error");
    let server = Server::start(env!("CARGO_BIN_EXE_gancho"), options).await;
    let receiver = Receiver::start().await;
    server.add_endpoint(&receiver.url("/hook"), &["invoice.created"]).await;
    let source = json!({"kind": "api", "name": "ERP", "url": erp.url(), "key": FULL_KEY});
    server.post("/sources", source, 201).await;
    // Each list is read once before anything in it is news.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut times = vec![];
    for n in 1..=POLLED {
        erp.put("FacturaCliente", bill(1_000 + n));
        erp.put(
            "LineaFacturaCliente",
            json!({"idlinea": n, "idfactura": 1_000 + n, "descripcion": "Uno", "pvptotal": 70}),
        );
        let put = Instant::now();
        receiver.wait_for(usize::try_from(n).expect("small")).await;
        times.push(put.elapsed());
        // Not in step with the polls.
        tokio::time::sleep(Duration::from_millis(u64::try_from(n * 7_919 % 11_000).unwrap_or(0))).await;
    }
    let most = times.iter().max().copied().unwrap_or_default();
    println!("from an invoice in a polled ERP to the receiver: median {:.1?}, at most {most:.1?}", median(&mut times));
}

/// A page of receipts as the ERP's API answers it.
fn receipts(path: &str) -> Respond {
    let number = |name: &str| path.split(name).nth(1).and_then(|rest| rest.split('&').next()?.parse::<u64>().ok());
    let body = match path {
        "/api/3/" => json!({"resources": ["reciboclientes"]}).to_string(),
        path if path.ends_with("/schema") => json!({"importe": {"type": "double"}}).to_string(),
        path if path.contains("fecha_gte") => "[]".to_owned(),
        path => {
            let after = number("idrecibo_gt%5D=").unwrap_or(if path.contains("DESC") { RECORDS - 1 } else { 0 });
            let rows = after + 1..=RECORDS.min(after + number("limit=").unwrap_or(50));
            let row = |id: u64| {
                json!({"idrecibo": id, "idfactura": id, "codcliente": "1", "codigofactura": format!("FAC{id}"), "coddivisa": "EUR",
                    "codpago": "CONT", "fecha": "01-02-2020", "fechapago": null, "gastos": 0, "idempresa": 1, "importe": 84.7,
                    "liquidado": 0, "nick": null, "numero": 1, "observaciones": null, "pagado": false, "vencido": true,
                    "vencimiento": "01-03-2020"})
            };
            let total = (RECORDS - after).to_string();
            let page = serde_json::Value::Array(rows.map(row).collect()).to_string();
            return Respond { body: page, ..Respond::status(200) }.header("x-total-count", total);
        }
    };
    Respond { body, ..Respond::status(200) }.header("x-total-count", "0")
}

fn memory_mb(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
