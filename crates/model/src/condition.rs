//! Conditions: CEL (Common Expression Language) expressions that select the events an endpoint gets.

use std::sync::{Arc, LazyLock, OnceLock};

use cel::{
    Context, Env, ExecutionError, Value as CelValue,
    common::ast::{Expr, IdedExpr},
    objects::{Key, Map as CelMap},
    parser::PrattParser,
};
use serde_json::Value;

use crate::Message;

/// Maximum length in characters.
pub const CONDITION_MAX: usize = 2000;

/// A condition. It is compiled at first use.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    compiled: OnceLock<Option<Arc<(IdedExpr, Cost)>>>,
}

/// Why a condition did not evaluate to true or false: the event is visibly skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError(pub String);

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl Condition {
    /// A condition that was validated before.
    pub fn kept(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiled: OnceLock::new() }
    }

    /// Parses a condition that a user wrote.
    ///
    /// # Errors
    /// The reason: not CEL, too long, or nested list macros, whose running time has no bound.
    pub fn parse(text: &str) -> Result<Self, Message> {
        if text.chars().count() > CONDITION_MAX {
            return Err(Message::new("error-length").with("min", 1).with("max", CONDITION_MAX));
        }
        let program = compile(text).map_err(|why| Message::new("error-condition").with("why", why))?;
        let cost = Cost::of(&program);
        if cost.nesting > NESTING_MAX || cost.depth > 1 || cost.gathers {
            return Err(Message::new("error-condition-nested"));
        }
        if let Some(name) = strange_name(&program) {
            return Err(Message::new("error-condition-name").with("name", name).with("names", VARIABLES.join(", ")));
        }
        if let Some(name) = strange_function(&program) {
            return Err(Message::new("error-condition-function").with("name", name));
        }
        let compiled = OnceLock::from(Some(Arc::new((program, cost))));
        Ok(Self { text: text.to_owned(), compiled })
    }

    /// Its source text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether an event matches, by its body.
    ///
    /// # Errors
    /// If evaluation fails, for example because of a missing field, or the result is not a boolean.
    pub fn holds(&self, body: &ConditionInput) -> Result<bool, ConditionError> {
        let compiled = self.compiled.get_or_init(|| {
            let program = compile(&self.text).ok()?;
            let cost = Cost::of(&program);
            Some(Arc::new((program, cost)))
        });
        let (program, cost) = compiled.as_deref().ok_or_else(|| ConditionError("it can't be read".into()))?;
        if cost.calls_per_item.saturating_mul(body.weight) > WORK_MAX {
            return Err(ConditionError("the event has too many lines for it".into()));
        }
        let mut context = Context::with_env(ENV.clone());
        for (name, value) in &body.variables {
            context.add_variable_from_value(*name, value.clone());
        }
        match CelValue::resolve(program, &context) {
            Ok(CelValue::Bool(holds)) => Ok(holds),
            Ok(other) => Err(ConditionError(format!("it is neither true nor false, but of type {}", other.type_of()))),
            Err(error) => Err(ConditionError(error.to_string())),
        }
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The variables of a condition.
const VARIABLES: &[&str] = &["id", "event", "created", "data", "source", "origin"];

/// Maximum cost of a condition: calls per list item, times items, times the bytes that a call may read. About a second
/// in the worst case.
const WORK_MAX: u64 = 4_000_000_000;

/// A body as input for conditions, converted once for all of them.
pub struct ConditionInput {
    variables: Vec<(&'static str, CelValue)>,
    /// Items of the longest list, times bytes of the body.
    weight: u64,
}

impl ConditionInput {
    /// Converts a body with this many bytes. Missing variables are null.
    pub fn of(body: &Value, bytes: usize) -> Self {
        let weight = (longest(body) as u64).saturating_mul(bytes as u64);
        Self { variables: VARIABLES.iter().map(|name| (*name, cel_value(&body[*name]))).collect(), weight }
    }
}

/// Number of items of the longest list or object.
fn longest(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(longest).max().unwrap_or(0).max(items.len()),
        Value::Object(fields) => fields.values().map(longest).max().unwrap_or(0).max(fields.len()),
        _ => 0,
    }
}

/// An unknown variable. Names that begin with `@` are CEL's own.
fn strange_name(program: &IdedExpr) -> Option<String> {
    fn loop_names<'a>(expression: &'a IdedExpr, names: &mut Vec<&'a str>) {
        match &expression.expr {
            Expr::Comprehension(one) => {
                names.push(&one.iter_var);
                names.extend(one.iter_var2.as_deref());
                names.push(&one.accu_var);
                [&one.iter_range, &one.loop_step].into_iter().for_each(|part| loop_names(part, names));
            }
            Expr::Call(call) => {
                call.target.as_deref().into_iter().chain(&call.args).for_each(|part| loop_names(part, names));
            }
            Expr::List(list) => list.elements.iter().for_each(|part| loop_names(part, names)),
            Expr::Select(select) => loop_names(&select.operand, names),
            _ => {}
        }
    }
    let mut known = VARIABLES.to_vec();
    loop_names(program, &mut known);
    let references = program.references();
    let used = references.variables();
    used.into_iter().find(|name| !known.contains(name)).map(ToOwned::to_owned)
}

/// An unknown function: every event would be skipped. Names of operators contain other characters.
fn strange_function(program: &IdedExpr) -> Option<String> {
    let is_word = |name: &str| name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_') && !name.is_empty();
    called(program).into_iter().find(|name| is_word(name) && !is_function(name)).map(ToOwned::to_owned)
}

/// The names of all called functions.
fn called(expression: &IdedExpr) -> Vec<&str> {
    match &expression.expr {
        Expr::Call(call) => {
            let parts = call.target.as_deref().into_iter().chain(&call.args).flat_map(called);
            std::iter::once(call.func_name.as_str()).chain(parts).collect()
        }
        Expr::Comprehension(one) => {
            let parts = [&one.iter_range, &one.accu_init, &one.loop_cond, &one.loop_step, &one.result];
            parts.into_iter().flat_map(|part| called(part)).collect()
        }
        Expr::List(list) => list.elements.iter().flat_map(called).collect(),
        Expr::Select(select) => called(&select.operand),
        _ => vec![],
    }
}

/// Whether a function with this name exists, called globally or as a method.
fn is_function(name: &str) -> bool {
    let context = Context::with_env(ENV.clone());
    [format!("{name}()"), format!("''.{name}()")].iter().any(|text| {
        let is_missing = |error| matches!(error, ExecutionError::UndeclaredReference(_));
        compile(text).is_ok_and(|call| !CelValue::resolve(&call, &context).is_err_and(is_missing))
    })
}

fn cel_value(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(is) => CelValue::Bool(*is),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| CelValue::Float(number.as_f64().unwrap_or(f64::NAN)), CelValue::Int)
        }
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(cel_value).collect())),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (Key::from(name.as_str()), cel_value(value)));
            CelValue::Map(CelMap { map: Arc::new(fields.collect()) })
        }
    }
}

/// Maximum nesting of an expression, and maximum parts with expanded macros.
const NESTING_MAX: u64 = 60;
const DEPTH_MAX: u16 = 40;
const PARTS_MAX: usize = 5000;

fn compile(text: &str) -> Result<IdedExpr, String> {
    let parser = PrattParser::new().max_recursion_depth(DEPTH_MAX).max_expression_node_count(PARTS_MAX);
    parser.parse(text).map_err(|errors| {
        let first = errors.errors.first().map(|error| error.msg.clone());
        first.unwrap_or_else(|| "it can't be read".into())
    })
}

/// The cost of an expression, estimated before it is evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    /// Nesting of expressions: evaluation needs a proportional amount of stack.
    nesting: u64,
    /// Nesting of list macros.
    depth: u64,
    /// Calls per list item.
    calls_per_item: u64,
    /// Whether it builds new values, whose size has no bound.
    gathers: bool,
}

impl Cost {
    fn of(expression: &IdedExpr) -> Self {
        let inside = Self::inside(expression);
        Self { nesting: inside.nesting + 1, ..inside }
    }

    fn inside(expression: &IdedExpr) -> Self {
        match &expression.expr {
            Expr::Comprehension(one) => {
                let parts = [&one.iter_range, &one.accu_init, &one.loop_cond, &one.loop_step, &one.result];
                let inside = Self::all(parts.into_iter());
                let gathers =
                    matches!(one.accu_init.expr, Expr::List(_)) && !only_filters(&one.loop_step, &one.iter_var);
                Self {
                    nesting: inside.nesting,
                    depth: inside.depth + 1,
                    calls_per_item: calls(&one.loop_step) + inside.calls_per_item,
                    gathers: inside.gathers || gathers,
                }
            }
            Expr::Call(call) => Self::all(call.target.as_deref().into_iter().chain(&call.args)),
            Expr::List(list) => Self::all(list.elements.iter()),
            Expr::Select(select) => Self::of(&select.operand),
            // Conditions need no map or struct literals.
            Expr::Map(_) | Expr::Struct(_) => Self { gathers: true, ..Self::default() },
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Self::default(),
        }
    }

    fn all<'a>(parts: impl Iterator<Item = &'a IdedExpr>) -> Self {
        parts.map(Self::of).fold(Self::default(), |one, other| Self {
            nesting: one.nesting.max(other.nesting),
            depth: one.depth.max(other.depth),
            calls_per_item: one.calls_per_item + other.calls_per_item,
            gathers: one.gathers || other.gathers,
        })
    }
}

/// Number of calls in an expression.
fn calls(expression: &IdedExpr) -> u64 {
    match &expression.expr {
        Expr::Call(call) => 1 + call.target.as_deref().into_iter().chain(&call.args).map(calls).sum::<u64>(),
        Expr::List(list) => list.elements.iter().map(calls).sum(),
        Expr::Select(select) => calls(&select.operand),
        _ => 0,
    }
}

/// Whether a step only passes items on unchanged, as `filter` does and `map` does not.
fn only_filters(step: &IdedExpr, item: &str) -> bool {
    match &step.expr {
        Expr::Call(call) => call.args.iter().all(|argument| match &argument.expr {
            Expr::List(list) => {
                list.elements.iter().all(|one| matches!(&one.expr, Expr::Ident(name) if name.as_str() == item))
            }
            Expr::Call(inner) if inner.func_name == "_+_" => only_filters(argument, item),
            _ => true,
        }),
        _ => true,
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
