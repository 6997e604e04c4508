use serde_json::json;

use super::*;

fn holds(text: &str) -> Result<bool, ConditionError> {
    let lines: Vec<Value> = (1..=3).map(|n| json!({"referencia": format!("R{n}"), "cantidad": n})).collect();
    let body = json!({"event": "invoice.created", "created": 1, "source": "src_1", "data": {"object": {
        "total": 1000.5, "neto": 800, "codserie": "A", "nombrecliente": "Peña", "pagada": false, "nada": null, "lines": lines,
        "big": 1e30,
    }}});
    Condition::parse(text).expect("good").holds(&ConditionInput::of(&body, 500))
}

#[test]
fn what_people_write() {
    for (text, expected) in [
        ("data.object.total > 1000 && data.object.codserie == \"A\"", true),
        ("data.object.total > 1000.5", false),
        ("data.object.neto > 799.5 && data.object.neto == 800.0 && data.object.neto < 801", true),
        ("data.object.neto in [800, 900]", true),
        ("event.startsWith('invoice.') && !data.object.pagada", true),
        ("data.object.nombrecliente == 'Peña'", true),
        ("data.object.lines.exists(l, l.referencia == 'R2' && l.cantidad >= 2)", true),
        ("data.object.lines.all(l, l.cantidad > 1)", false),
        ("has(data.object.email) && data.object.email != ''", false),
        ("data.object.nada == null", true),
        ("size(data.object.lines) == 3", true),
        ("data.object.lines.filter(l, l.cantidad > 1 && l.referencia != 'R3').size() == 1", true),
        ("has(data.previous)", false),
        ("origin == null", true),
        ("data.object.big > 1000", true),
        ("double(data.object.total) * 0.1 > 50.0 && double(data.object.neto) * 0.1 == 80.0", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_can_t_be_worked_out_is_an_error() {
    for text in ["data.object.missing > 1", "data.object.total", "data.object.nombrecliente > 3", "1 / 0 == 1"] {
        assert!(holds(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_no_condition_is_refused() {
    let deep = format!("{}true{}", "!(".repeat(900), ")".repeat(900));
    let (sum, path, lists) = (vec!["1"; 900].join("+"), format!("data{} == 1", ".a".repeat(900)), "[".repeat(900));
    let nested = "data.object.lines.exists(l, data.object.lines.exists(m, m == l))";
    let chained = "data.object.lines.map(l, data.object.lines.map(m, m)).size() > 1";
    let gathered = "data.object.lines.map(l, l.referencia + l.referencia).size() > 1";
    let (map, strange) = ("{'a': 1}.a == 1", "data.object.lines.exists(l, m == l)");
    for text in [
        "",
        gathered,
        map,
        strange,
        "data.object.total >",
        "total > 1",
        "data.object.x = 1",
        &deep,
        &sum,
        &path,
        &lists,
        nested,
        chained,
        &"x".repeat(2001),
    ] {
        assert!(Condition::parse(text).is_err(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_that_strangers_write_breaks_it(text in "[a-z().\\[\\]{}\"'&|!=<>0-9, \\\\+*/?:-]{0,80}") {
        if let Ok(condition) = Condition::parse(&text) {
            let _ = condition.holds(&ConditionInput::of(&json!({"data": {"object": {"a": 1}}}), 30));
        }
    }

    #[test]
    fn nothing_at_all_breaks_it(text in "\\PC{0,60}") {
        let _ = Condition::parse(&text);
    }
}

#[test]
fn what_would_take_too_long_is_not_tried() {
    let lines: Vec<Value> = (0..50_000).map(|n| json!(n)).collect();
    let body = json!({"data": {"object": {"text": "x".repeat(100_000), "lines": lines}}});
    let input = ConditionInput::of(&body, 250_000);
    let calls = vec!["data.object.text.contains(string(l))"; 20].join(" || ");
    let condition = Condition::parse(&format!("data.object.lines.exists(l, {calls})")).expect("good");
    assert!(condition.holds(&input).is_err());
    assert_eq!(Condition::parse("data.object.text.contains('y')").expect("good").holds(&input), Ok(false));
}

#[test]
fn functions_that_there_are() {
    for good in [
        "event.contains('x')",
        "size(data.object.lines) > 0",
        "int('1') == 1",
        "event.endsWith('d') || string(1) == '1'",
        "data.object.lines[0].n in [1, 2] ? true : !has(data.x)",
        "-data.object.total < 0 && 7 % 2 == 1",
    ] {
        assert!(Condition::parse(good).is_ok(), "{good}");
    }
    let lines = "data.object.lines.exists(l, nosuch(l))";
    for (bad, name) in
        [("matches(event, 'a')", "matches"), ("event.starts_with('A')", "starts_with"), (lines, "nosuch")]
    {
        let message = Condition::parse(bad).expect_err(bad);
        assert_eq!(message, Message::new("error-condition-function").with("name", name), "{bad}");
    }
}
