//! The same record is the same bytes, from the API, from MariaDB and from PostgreSQL (EVENTS rule 7).

use gancho_facturascripts::{catalogue, columns, secrets, shape::Shape};
use gancho_model::{Record, canonical};
use serde_json::Value;

/// Real records of every model: what the API of either engine gives, and each engine's row as text.
fn records() -> Vec<(String, [Record; 4])> {
    include_str!("records.jsonl")
        .lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).expect("a line is JSON");
            let side = |name: &str| record[name].as_object().expect(name).clone();
            let model = record["model"].as_str().expect("a model").to_owned();
            (model, ["api_mariadb", "mariadb", "api_postgres", "postgres"].map(side))
        })
        .collect()
}

fn bytes(shape: &Shape, model: &str, record: Record) -> String {
    canonical::to_string(&Value::Object(shape.record(model, record, |_| None)))
}

#[test]
fn api_and_row_are_the_same_on_both_engines() {
    let shape = Shape::new("Europe/Madrid").expect("a zone");
    let records = records();
    for model in catalogue::MODELS {
        assert!(records.iter().any(|(name, _)| name == model.name), "no record of {}", model.name);
    }
    for (model, [api_mariadb, mariadb, api_postgres, postgres]) in records {
        let from_mariadb = bytes(&shape, &model, mariadb.clone());
        assert_eq!(from_mariadb, bytes(&shape, &model, api_mariadb), "{model}: API and row, MariaDB");
        let from_postgres = bytes(&shape, &model, postgres.clone());
        assert_eq!(from_postgres, bytes(&shape, &model, api_postgres), "{model}: API and row, PostgreSQL");
        let same_row = mariadb.iter().all(|(column, value)| {
            let other = &postgres[column];
            value == other
                || matches!((value.as_str(), other.as_str()), (Some("0"), Some("f")) | (Some("1"), Some("t")))
        });
        if same_row {
            assert_eq!(from_mariadb, from_postgres, "{model}: both engines");
        }
    }
}

#[test]
fn no_secret_gets_through() {
    let shape = Shape::new("Europe/Madrid").expect("a zone");
    for (model, sides) in records() {
        for side in sides {
            let shaped = shape.record(&model, side, |_| None);
            for column in ["password", "logkey", "two_factor_secret_key", "apikey"] {
                assert!(!shaped.contains_key(column), "{model}.{column}");
            }
        }
    }
    assert!(secrets::is_secret_model("settings"));
}

#[test]
fn odd_text_is_plain_text() {
    let shape = Shape::new("Europe/Madrid").expect("a zone");
    let odd = records().into_iter().rfind(|(model, _)| model == "Cliente").expect("the odd one");
    let shaped = shape.record("Cliente", odd.1[1].clone(), |_| None);
    assert_eq!(shaped["nombre"], r#"O'Reilly & "Söhne" <b>Peña</b> 😀 50% \n ñÑ"#);
    assert_eq!(shaped["codcliente"], "4");
}

#[test]
fn columns_of_a_plugin_follow_the_types_that_come_along() {
    let shape = Shape::new("Europe/Madrid").expect("a zone");
    let row: Record =
        [("extra", "1"), ("odd", "1")].into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let types = |name: &str| (name == "extra").then(|| columns::Kind::of_database("tinyint(1)"));
    let shaped = shape.record("Cliente", row, types);
    assert_eq!(shaped["extra"], Value::Bool(true));
    assert_eq!(shaped["odd"], "1", "what nobody knows passes unchanged");
}
