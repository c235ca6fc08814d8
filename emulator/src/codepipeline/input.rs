//! The members of an input, checked against the constraints of the service's model, with AWS's error messages.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::error::ServiceError;

/// A regular expression of the model that allows a set of characters.
pub(super) struct Pattern {
    shown: &'static str,
    allows: fn(char) -> bool,
}

/// `PipelineName`, `StageName`, `ActionName`.
pub(super) const NAME: Pattern = Pattern {
    shown: r"[A-Za-z0-9.@\-_]+",
    allows: |character| character.is_ascii_alphanumeric() || matches!(character, '.' | '@' | '-' | '_'),
};
/// `PipelineVariableName`.
pub(super) const VARIABLE: Pattern = Pattern {
    shown: r"[A-Za-z0-9@\-_]+",
    allows: |character| character.is_ascii_alphanumeric() || matches!(character, '@' | '-' | '_'),
};
/// `ArtifactName`.
pub(super) const ARTIFACT: Pattern = Pattern {
    shown: r"[a-zA-Z0-9_\-]+",
    allows: |character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'),
};
/// `ClientRequestToken`.
pub(super) const TOKEN: Pattern =
    Pattern { shown: "^[a-zA-Z0-9-]+$", allows: |character| character.is_ascii_alphanumeric() || character == '-' };
/// `PipelineVariableValue`: `.` matches no line break.
pub(super) const LINE: Pattern = Pattern { shown: ".*", allows: |character| !matches!(character, '\n' | '\r') };
/// Any text.
pub(super) const ANY: Pattern = Pattern { shown: ".*", allows: |_| true };

/// A member of the input with its path.
pub(super) struct Field<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Field<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    pub(super) fn is_given(&self) -> bool {
        !self.value.is_null()
    }

    pub(super) fn member(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { value: self.value.get(name).unwrap_or(&Value::Null), path }
    }

    /// Returns a required structure.
    pub(super) fn structure(&self, name: &str) -> Result<Self, ServiceError> {
        let field = self.member(name).required()?;
        if field.value.is_object() { Ok(field) } else { Err(unexpected_type()) }
    }

    /// Checks that a required member is given.
    pub(super) fn require(&self, name: &str) -> Result<(), ServiceError> {
        self.member(name).required().map(drop)
    }

    /// Returns the entries of a list; none if the list is absent.
    pub(super) fn list(&self, name: &str, sizes: RangeInclusive<usize>) -> Result<Vec<Self>, ServiceError> {
        let list = self.member(name);
        let entries = match list.value {
            Value::Null => return Ok(Vec::new()),
            Value::Array(entries) => entries,
            _ => return Err(unexpected_type()),
        };
        if !sizes.contains(&entries.len()) {
            return Err(list.violates(&format!("Member must have length {}", bounds(&sizes, entries.len()))));
        }
        let entry = |(index, value)| Self { value, path: format!("{}.{}.member", list.path, index + 1) };
        Ok(entries.iter().enumerate().map(entry).collect())
    }

    pub(super) fn optional_text(
        &self,
        name: &str,
        lengths: RangeInclusive<usize>,
        pattern: &Pattern,
    ) -> Result<Option<&'a str>, ServiceError> {
        let field = self.member(name);
        let text = match field.value {
            Value::Null => return Ok(None),
            Value::String(text) => text,
            _ => return Err(unexpected_type()),
        };
        let length = text.chars().count();
        if !lengths.contains(&length) {
            return Err(field.violates(&format!("Member must have length {}", bounds(&lengths, length))));
        }
        if !text.chars().all(pattern.allows) {
            let constraint = format!("Member must satisfy regular expression pattern: {}", pattern.shown);
            return Err(field.violates(&constraint));
        }
        Ok(Some(text))
    }

    pub(super) fn text(
        &self,
        name: &str,
        lengths: RangeInclusive<usize>,
        pattern: &Pattern,
    ) -> Result<&'a str, ServiceError> {
        self.member(name).required()?;
        Ok(self.optional_text(name, lengths, pattern)?.unwrap_or_default())
    }

    pub(super) fn optional_choice(&self, name: &str, choices: &[&str]) -> Result<Option<&'a str>, ServiceError> {
        let Some(text) = self.optional_text(name, 0..=usize::MAX, &ANY)? else {
            return Ok(None);
        };
        if choices.contains(&text) {
            return Ok(Some(text));
        }
        let constraint = format!("Member must satisfy enum value set: [{}]", choices.join(", "));
        Err(self.member(name).violates(&constraint))
    }

    pub(super) fn choice(&self, name: &str, choices: &[&str]) -> Result<&'a str, ServiceError> {
        self.member(name).required()?;
        Ok(self.optional_choice(name, choices)?.unwrap_or_default())
    }

    pub(super) fn optional_number(
        &self,
        name: &str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, ServiceError> {
        let field = self.member(name);
        if !field.is_given() {
            return Ok(None);
        }
        let number = field.value.as_i64().ok_or_else(unexpected_type)?;
        let number = usize::try_from(number).unwrap_or(0);
        if range.contains(&number) {
            return Ok(Some(number));
        }
        Err(field.violates(&format!("Member must have value {}", bounds(&range, number))))
    }

    fn required(self) -> Result<Self, ServiceError> {
        if self.is_given() { Ok(self) } else { Err(self.violates("Member must not be null")) }
    }

    fn violates(&self, constraint: &str) -> ServiceError {
        let value = match self.value {
            Value::Null => "null".to_owned(),
            Value::String(text) => format!("'{text}'"),
            other => format!("'{other}'"),
        };
        invalid(format!(
            "1 validation error detected: Value {value} at '{}' failed to satisfy constraint: {constraint}",
            self.path
        ))
    }
}

/// Returns the exception for an invalid input.
pub(super) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationException", message)
}

fn unexpected_type() -> ServiceError {
    ServiceError::new("SerializationException", "a member of the input does not have its type in the model")
}

fn bounds(range: &RangeInclusive<usize>, found: usize) -> String {
    if found < *range.start() {
        format!("greater than or equal to {}", range.start())
    } else {
        format!("less than or equal to {}", range.end())
    }
}
