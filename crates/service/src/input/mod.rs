//! Typed input of users and programs: read field by field into types that hold only valid values, so that all invalid
//! and unknown fields are reported at once. Each type describes what it accepts as JSON Schema.

mod document;
mod fields;
mod header_fields;
mod json_value;
mod list;
mod number;
mod origin;
mod reading;
mod rule;
mod secret;
mod text;
mod value;
mod webhook_url;
mod word;

use gancho_model::Message;
use serde_json::{Value, json};
// Used by the macro in other crates.
#[doc(hidden)]
pub use {serde_json, utoipa};

pub use document::{document, object_schema, parameters, variants};
pub use fields::Fields;
pub use header_fields::HeaderFields;
pub use json_value::JsonValue;
pub use list::{Items, List, PatternList};
pub use number::Whole;
pub use origin::{OriginId, OriginInput};
pub use reading::{FieldError, Reading, Rules, read};
pub use secret::NewSecret;
pub use text::{ClientId, Email, Model, PersonName, RowKey, Text, WatchedModel, ZoneName};
pub use value::{AnyTime, Anything, FilterTime, Object, SampleType, SendableType, Sent, Subscription, UnixSeconds};
pub use webhook_url::WebhookUrl;

/// A type that is read from JSON.
pub trait Input: Sized {
    /// Its JSON Schema (2020-12).
    fn schema() -> Value;

    /// Reads the value at a path, such as `retry.delays_s`; the path of a whole body is empty. Errors are added to
    /// `reading`.
    fn read(value: Value, place: &str, reading: &mut Reading<'_>) -> Option<Self>;
}

/// A value without fields.
pub trait Scalar: Sized {
    /// Its JSON Schema.
    fn schema() -> Value;

    /// Parses it.
    ///
    /// # Errors
    /// The reason.
    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message>;
}

impl<T: Scalar> Input for T {
    fn schema() -> Value {
        <T as Scalar>::schema()
    }

    fn read(value: Value, place: &str, reading: &mut Reading<'_>) -> Option<Self> {
        let parsed = T::parse(value, reading.rules());
        parsed.map_err(|message| reading.wrong(place, message)).ok()
    }
}

/// A type as a field of an object.
pub trait Field: Sized {
    /// Whether it is required.
    const REQUIRED: bool;

    /// Its JSON Schema.
    fn field_schema() -> Value;

    /// Reads it from the field's value, if present.
    fn read_field(value: Option<Value>, place: &str, reading: &mut Reading<'_>) -> Option<Self>;
}

impl<T: Input> Field for T {
    const REQUIRED: bool = true;

    fn field_schema() -> Value {
        T::schema()
    }

    fn read_field(value: Option<Value>, place: &str, reading: &mut Reading<'_>) -> Option<Self> {
        match value.filter(|value| !value.is_null()) {
            Some(value) => T::read(value, place, reading),
            None => {
                reading.wrong(place, Message::new("error-required"));
                None
            }
        }
    }
}

/// An optional field; null is the same as left out.
impl<T: Input> Field for Option<T> {
    const REQUIRED: bool = false;

    fn field_schema() -> Value {
        nullable(T::schema())
    }

    fn read_field(value: Option<Value>, place: &str, reading: &mut Reading<'_>) -> Option<Self> {
        match value.filter(|value| !value.is_null()) {
            Some(value) => T::read(value, place, reading).map(Some),
            None => Some(None),
        }
    }
}

/// A field of a patch: if left out it is kept, null clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Left out.
    #[default]
    Keep,
    /// Null.
    Clear,
    /// A new value.
    Set(T),
}

impl<T> Patch<T> {
    /// For a form's field: an empty one is cleared.
    pub fn filled(value: Option<T>) -> Self {
        value.map_or(Self::Clear, Self::Set)
    }

    /// Applies the patch to the current value.
    pub fn apply<U>(self, known: &mut Option<U>, make: impl FnOnce(T) -> U) {
        match self {
            Self::Keep => {}
            Self::Clear => *known = None,
            Self::Set(value) => *known = Some(make(value)),
        }
    }
}

impl<T: Input> Field for Patch<T> {
    const REQUIRED: bool = false;

    fn field_schema() -> Value {
        nullable(T::schema())
    }

    fn read_field(value: Option<Value>, place: &str, reading: &mut Reading<'_>) -> Option<Self> {
        match value {
            None => Some(Self::Keep),
            Some(Value::Null) => Some(Self::Clear),
            Some(value) => T::read(value, place, reading).map(Self::Set),
        }
    }
}

fn nullable(mut schema: Value) -> Value {
    match schema["type"].as_str().map(ToOwned::to_owned) {
        Some(kind) => {
            schema["type"] = json!([kind, "null"]);
            if let Some(words) = schema["enum"].as_array_mut() {
                words.push(Value::Null);
            }
            schema
        }
        None => json!({"oneOf": [schema, {"type": "null"}]}),
    }
}

/// A field in the OpenAPI document: name, whether it is required, schema, and description.
pub type FieldSchema = (&'static str, bool, Value, &'static str);

/// A type with known fields.
pub trait Fielded {
    /// Its fields, in order.
    fn fields() -> Vec<FieldSchema>;
}

/// An input struct: each field's type defines its schema, and its doc comment is the description in the OpenAPI
/// document. `check FUNCTION` validates the raw object, for rules across fields; `variants` describes them in the
/// document.
#[macro_export]
macro_rules! input {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $($(#[doc = $doc:literal])* pub $field:ident: $type:ty,)*
        }
        $(check $check:path;)?
        $(variants $variants:expr;)?
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $($(#[doc = $doc])* pub $field: $type,)*
        }

        impl $crate::input::utoipa::PartialSchema for $name {
            fn schema() -> $crate::input::utoipa::openapi::RefOr<$crate::input::utoipa::openapi::Schema> {
                $crate::input::document(<$name as $crate::input::Input>::schema())
            }
        }

        impl $crate::input::utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }

        impl $crate::input::utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<$crate::input::utoipa::openapi::path::ParameterIn>,
            ) -> Vec<$crate::input::utoipa::openapi::path::Parameter> {
                $crate::input::parameters(<$name as $crate::input::Fielded>::fields())
            }
        }

        impl $crate::input::Fielded for $name {
            fn fields() -> Vec<$crate::input::FieldSchema> {
                vec![$((
                    stringify!($field),
                    <$type as $crate::input::Field>::REQUIRED,
                    <$type as $crate::input::Field>::field_schema(),
                    concat!($($doc,)* "").trim_ascii(),
                ),)*]
            }
        }

        impl $crate::input::Input for $name {
            fn schema() -> $crate::input::serde_json::Value {
                let fields = <$name as $crate::input::Fielded>::fields();
                let schema = $crate::input::object_schema(concat!($($about,)* "").trim_ascii(), fields);
                $(let schema = $crate::input::variants(schema, $variants);)?
                schema
            }

            fn read(
                value: $crate::input::serde_json::Value,
                place: &str,
                reading: &mut $crate::input::Reading<'_>,
            ) -> Option<Self> {
                let mut fields = $crate::input::Fields::of(value, place, reading)?;
                $($check(&mut fields);)?
                $(let $field = fields.take::<$type>(stringify!($field));)*
                fields.end();
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}
pub use input;
