use gancho_model::{Message, Pattern, event_type::LENGTH_MAX};
use serde_json::{Value, json};

use super::{
    Input, Rules, Scalar,
    reading::Reading,
    value::{PATTERN, TYPE},
};

/// A list of limited length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MIN: usize, const MAX: usize>(pub Vec<T>);

impl<T, const MIN: usize, const MAX: usize> List<T, MIN, MAX> {
    /// Reads each element.
    ///
    /// # Errors
    /// The first error of an element, or that there are too few or too many.
    pub fn read_each<U>(
        items: impl ExactSizeIterator<Item = U>,
        read: impl Fn(U) -> Result<T, Message>,
    ) -> Result<Self, Message> {
        if !(MIN..=MAX).contains(&items.len()) {
            return Err(Message::new("error-items").with("min", MIN).with("max", MAX));
        }
        let read = |(n, item)| read(item).map_err(|why| Message::new("error-item").with("n", n + 1).with("why", why));
        items.enumerate().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl<T: Scalar, const MIN: usize, const MAX: usize> Scalar for List<T, MIN, MAX> {
    fn schema() -> Value {
        json!({"type": "array", "items": <T as Scalar>::schema(), "minItems": MIN, "maxItems": MAX})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::Array(items) => Self::read_each(items.into_iter(), |item| T::parse(item, rules)),
            _ => Err(Message::new("error-list")),
        }
    }
}

/// Patterns separated by commas, for queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternList(pub Vec<Pattern>);

impl Scalar for PatternList {
    fn schema() -> Value {
        let one = format!("(?:{PATTERN}|{TYPE})");
        json!({"type": "string", "pattern": format!("^(?!.*[^,]{{{}}}){one}(?:,{one})*$", LENGTH_MAX + 1)})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        let text = value.as_str().unwrap_or_default();
        let one = |part: &str| <Pattern as Scalar>::parse(Value::from(part.trim()), rules);
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

/// A list of objects of limited length: errors include the index, such as `changes[3].key`.
#[derive(Clone, Debug)]
pub struct Items<T, const MIN: usize, const MAX: usize>(pub Vec<T>);

impl<T: Input, const MIN: usize, const MAX: usize> Input for Items<T, MIN, MAX> {
    fn schema() -> Value {
        json!({"type": "array", "items": T::schema(), "minItems": MIN, "maxItems": MAX})
    }

    fn read(value: Value, place: &str, reading: &mut Reading<'_>) -> Option<Self> {
        let Value::Array(items) = value else {
            reading.wrong(place, Message::new("error-list"));
            return None;
        };
        if !(MIN..=MAX).contains(&items.len()) {
            reading.wrong(place, Message::new("error-items").with("min", MIN).with("max", MAX));
            return None;
        }
        let read = items.into_iter().enumerate().map(|(n, item)| T::read(item, &format!("{place}[{n}]"), reading));
        // Reads all of them, even after an error.
        let read: Vec<Option<T>> = read.collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }
}
