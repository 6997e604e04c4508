use serde_json::{Value, json};
use utoipa::openapi::{
    RefOr, Required, Schema,
    path::{Parameter, ParameterBuilder, ParameterIn},
};

use super::FieldSchema;

/// The schema of an object that has these fields and no others.
pub fn object_schema(about: &str, fields: Vec<FieldSchema>) -> Value {
    let required: Vec<&str> = fields.iter().filter(|field| field.1).map(|field| field.0).collect();
    let mut schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
    if !about.is_empty() {
        schema["description"] = about.into();
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    for (name, _, mut of_field, about) in fields {
        if !about.is_empty() {
            of_field["description"] = about.into();
        }
        schema["properties"][name] = of_field;
    }
    schema
}

/// A variant of an object: the field that names it, the words that this field has in it, and what it needs besides.
pub type Variant<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

/// The schema of an object that is one of these variants.
pub fn variants(schema: Value, variants: &[Variant<'_>]) -> Value {
    let variant = |(field, words, needed): &Variant<'_>| {
        let mut one = schema.clone();
        one["properties"][field]["enum"] = json!(words);
        for name in *needed {
            if let Some(required) = one["required"].as_array_mut() {
                required.push(json!(name));
            }
            let property = &mut one["properties"][name];
            if let Some(kind) = property["type"].as_array().and_then(|kinds| kinds.first()).cloned() {
                property["type"] = kind;
            }
        }
        one
    };
    json!({"anyOf": variants.iter().map(variant).collect::<Vec<_>>(), "description": schema["description"]})
}

/// A schema as the document holds it.
pub fn document(schema: Value) -> RefOr<Schema> {
    // It is made by us: one that is no schema stands out in the document, as one that accepts anything.
    serde_json::from_value(schema).map_or_else(|_| RefOr::T(Schema::default()), RefOr::T)
}

/// The parameters of a query that has these fields.
pub fn parameters(fields: Vec<FieldSchema>) -> Vec<Parameter> {
    let parameter = |(name, is_required, schema, about): FieldSchema| {
        let required = if is_required { Required::True } else { Required::False };
        let about = (!about.is_empty()).then_some(about);
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(required)
            .description(about)
            .schema(Some(document(without_null(schema))))
            .build()
    };
    fields.into_iter().map(parameter).collect()
}

/// There is no null in a query.
fn without_null(mut schema: Value) -> Value {
    if let Some(kind) = schema["type"].as_array().and_then(|kinds| kinds.first()).cloned() {
        schema["type"] = kind;
    }
    if let Some(words) = schema["enum"].as_array_mut() {
        words.retain(|word| !word.is_null());
    }
    schema
}
