//! One table for each body and each set of parameters. The table is the struct that handlers read, the reader that
//! fills the struct, the list of known names, and the description in the OpenAPI document.

use utoipa::openapi::{
    ObjectBuilder, OneOfBuilder, RefOr, Required, Schema, Type,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::{AdditionalProperties, SchemaType},
};

use crate::http::fields::Form;

/// Declares a body: a row is a field, whether it is `required` or `optional`, and its form.
///
/// Every field of the struct is an `Option`: a required field that is missing is an error, and the others are still
/// read, so that all errors are told at once.
macro_rules! body {
    (
        $(#[doc = $doc:literal])+
        $vis:vis struct $name:ident as $public:literal $(with example $example:path)? {
            $($(#[doc = $field_doc:literal])* $field:ident: $presence:ident $form:ty,)+
        }
    ) => {
        $(#[doc = $doc])+
        $vis struct $name {
            $($(#[doc = $field_doc])* $field: Option<<$form as $crate::http::fields::Form>::Value>,)+
        }

        impl $name {
            $vis fn read(
                fields: &$crate::http::fields::Fields<'_>,
                errors: &mut $crate::http::fields::FieldErrors,
            ) -> Self {
                fields.refuse_others(&[$(stringify!($field)),+], errors);
                Self { $($field: fields.$presence::<$form>(stringify!($field), errors)),+ }
            }
        }

        impl $crate::http::fields::Form for $name {
            type Value = Self;

            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::Ref::from_schema_name($public).into()
            }

            fn collect(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                schemas.push(($public.to_owned(), <Self as utoipa::PartialSchema>::schema()));
                <Self as utoipa::ToSchema>::schemas(schemas);
            }
        }

        impl $crate::http::fields::FieldForm for $name {
            fn read(
                value: &serde_json::Value,
                path: String,
                errors: &mut $crate::http::fields::FieldErrors,
            ) -> Option<Self> {
                let fields = $crate::http::fields::Fields::of(value, path, errors)?;
                Some(Self::read(&fields, errors))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let object = $crate::http::table::Description::new(&[$($doc),+]);
                $(let object = object.$presence::<$form>(stringify!($field), &[$($field_doc),*]);)+
                $(let object = object.example($example());)?
                object.build()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $public.into()
            }

            fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                $(<$form as $crate::http::fields::Form>::collect(schemas);)+
            }
        }
    };
}
pub(crate) use body;

/// Declares parameters of addresses: a row is a parameter and its form. Each may be absent. With `as`, an object in a
/// body has the same rows as fields.
macro_rules! parameters {
    (
        $(#[doc = $doc:literal])+
        $vis:vis struct $name:ident as $public:literal {
            $($(#[doc = $field_doc:literal])* $field:ident: $form:ty,)+
        }
    ) => {
        $crate::http::table::body! {
            $(#[doc = $doc])+
            $vis struct $name as $public { $($(#[doc = $field_doc])* $field: optional $form,)+ }
        }
        $crate::http::table::parameters! {
            @read $vis $name { $($(#[doc = $field_doc])* $field: $form,)+ }
        }
    };
    (
        $(#[doc = $doc:literal])+
        $vis:vis struct $name:ident {
            $($(#[doc = $field_doc:literal])* $field:ident: $form:ty,)+
        }
    ) => {
        $(#[doc = $doc])+
        $vis struct $name {
            $($(#[doc = $field_doc])* $vis $field: Option<<$form as $crate::http::fields::Form>::Value>,)+
        }

        $crate::http::table::parameters! {
            @read $vis $name { $($(#[doc = $field_doc])* $field: $form,)+ }
        }
    };
    (@read $vis:vis $name:ident { $($(#[doc = $field_doc:literal])* $field:ident: $form:ty,)+ }) => {
        impl $name {
            $vis fn of(
                parameters: &$crate::http::parameters::Parameters,
            ) -> Result<Self, $crate::http::problem::Problem> {
                let mut errors = $crate::http::fields::FieldErrors::default();
                let name = $crate::http::table::plain_name;
                let read = Self { $($field: parameters.read::<$form>(name(stringify!($field)), &mut errors)),+ };
                errors.finish(Some(read))
            }
        }

        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                vec![$($crate::http::table::parameter::<$form>(stringify!($field), &[$($field_doc),*])),+]
            }
        }
    };
}
pub(crate) use parameters;

/// The name of a field without the mark that lets a keyword be a name.
pub(crate) fn plain_name(field: &'static str) -> &'static str {
    field.trim_start_matches("r#")
}

/// The description of one parameter of an address.
pub(crate) fn parameter<F: Form>(field: &'static str, docs: &[&str]) -> Parameter {
    ParameterBuilder::new()
        .name(plain_name(field))
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(text(docs))
        .schema(Some(F::schema()))
        .build()
}

/// The description of a body, as far as its rows were added.
pub(crate) struct Description(ObjectBuilder);

impl Description {
    pub(crate) fn new(docs: &[&str]) -> Self {
        let object = ObjectBuilder::new().schema_type(Type::Object).description(text(docs));
        Self(object.additional_properties(Some(AdditionalProperties::FreeForm(false))))
    }

    pub(crate) fn required<F: Form>(self, name: &str, docs: &[&str]) -> Self {
        Self(self.0.property(name, described(F::schema(), docs)).required(name))
    }

    pub(crate) fn optional<F: Form>(self, name: &str, docs: &[&str]) -> Self {
        Self(self.0.property(name, or_null(described(F::schema(), docs))))
    }

    pub(crate) fn example(self, example: serde_json::Value) -> Self {
        Self(self.0.examples([example]))
    }

    pub(crate) fn build(self) -> RefOr<Schema> {
        self.0.into()
    }
}

/// The text of a doc comment, line by line.
fn text(docs: &[&str]) -> Option<String> {
    let lines: Vec<&str> = docs.iter().map(|line| line.trim()).collect();
    Some(lines.join("\n")).filter(|text| !text.is_empty())
}

fn described(mut schema: RefOr<Schema>, docs: &[&str]) -> RefOr<Schema> {
    let Some(text) = text(docs) else { return schema };
    match &mut schema {
        RefOr::Ref(reference) => reference.description = text,
        RefOr::T(Schema::Object(object)) => object.description = Some(text),
        RefOr::T(Schema::Array(array)) => array.description = Some(text),
        RefOr::T(_) => {}
    }
    schema
}

/// The document admits `null` for a field that may be absent, though the reader refuses `null`.
fn or_null(mut schema: RefOr<Schema>) -> RefOr<Schema> {
    let with_null = |kind: &SchemaType| match kind {
        SchemaType::Type(kind) => SchemaType::Array(vec![kind.clone(), Type::Null]),
        SchemaType::Array(_) | SchemaType::AnyValue => kind.clone(),
    };
    match &mut schema {
        RefOr::T(Schema::Object(object)) => object.schema_type = with_null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => array.schema_type = with_null(&array.schema_type),
        RefOr::T(_) | RefOr::Ref(_) => {
            let null = ObjectBuilder::new().schema_type(Type::Null);
            return OneOfBuilder::new().item(schema).item(null).into();
        }
    }
    schema
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use crate::http::fields::{FieldErrors, FieldForm};

    /// Asserts of every field with a greatest length in the description that the reader refuses a longer text. Where
    /// the description says nothing else of the text, the reader must take a text of that length.
    pub(crate) fn assert_lengths<F: FieldForm + utoipa::PartialSchema>(count: usize) {
        let schema = serde_json::to_value(<F as utoipa::PartialSchema>::schema()).unwrap();
        let fields = schema["properties"].as_object().unwrap();
        let limited: Vec<_> = fields.iter().filter(|(_, field)| field["maxLength"].is_u64()).collect();
        assert_eq!(limited.len(), count, "how many fields have a greatest length: {schema}");
        for (name, field) in limited {
            let most = usize::try_from(field["maxLength"].as_u64().unwrap()).unwrap();
            let is_refused = |length: usize| {
                let mut errors = FieldErrors::default();
                F::read(&json!({ name: "1".repeat(length) }), "body".to_owned(), &mut errors);
                let told = errors.finish(Some(())).err();
                told.is_some_and(|problem| problem.fields().iter().any(|error| error.field == format!("body.{name}")))
            };
            assert!(is_refused(most + 1), "{name} may have more than {most} characters");
            let is_any =
                field["format"].is_null() && field["pattern"].as_str().is_none_or(|form| form.starts_with("^["));
            assert!(!is_any || !is_refused(most), "{name} may not have {most} characters");
        }
    }
}
