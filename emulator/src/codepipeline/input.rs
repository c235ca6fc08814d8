//! The members of an input, checked against the constraints of the service's model, with AWS's error messages.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use serde_json::Value;

use crate::error::ServiceError;

/// A regular expression of the model.
pub(super) struct Pattern {
    shown: &'static str,
    matches: fn(&str) -> bool,
}

/// `PipelineName`, `StageName`, `ActionName`.
pub(super) const NAME: Pattern =
    Pattern { shown: r"[A-Za-z0-9.@\-_]+", matches: |text| consists_of(text, &['.', '@', '-', '_']) };
/// `PipelineVariableName`.
pub(super) const VARIABLE: Pattern =
    Pattern { shown: r"[A-Za-z0-9@\-_]+", matches: |text| consists_of(text, &['@', '-', '_']) };
/// `ArtifactName`.
pub(super) const ARTIFACT: Pattern =
    Pattern { shown: r"[a-zA-Z0-9_\-]+", matches: |text| consists_of(text, &['-', '_']) };
/// `ClientRequestToken`.
pub(super) const TOKEN: Pattern = Pattern { shown: "^[a-zA-Z0-9-]+$", matches: |text| consists_of(text, &['-']) };
/// `PipelineVariableValue`: `.` matches no line break.
pub(super) const LINE: Pattern = Pattern { shown: ".*", matches: |text| !text.contains(['\n', '\r']) };
/// `PipelineExecutionId`.
pub(super) const EXECUTION_ID: Pattern = Pattern {
    shown: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    matches: |text| {
        let parts: Vec<&str> = text.split('-').collect();
        let hex = |part: &&str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(hex)
    },
};
/// Any text.
pub(super) const ANY: Pattern = Pattern { shown: ".*", matches: |_| true };

/// The violated constraints of one input. AWS reports all of them in one message.
#[derive(Default)]
pub(super) struct Violations(RefCell<Vec<String>>);

impl Violations {
    /// Returns an error that names every violated constraint, if there is any.
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        let violations = self.0.borrow();
        match violations.len() {
            0 => Ok(()),
            1 => Err(invalid(format!("1 validation error detected: {}", violations[0]))),
            count => Err(invalid(format!("{count} validation errors detected: {}", violations.join("; ")))),
        }
    }
}

/// A member of the input with its path. Reading it records violated constraints, which [`Field::check`] reports.
pub(super) struct Field<'a> {
    value: &'a Value,
    path: String,
    violations: &'a Violations,
}

impl<'a> Field<'a> {
    pub(super) fn root(value: &'a Value, violations: &'a Violations) -> Self {
        Self { value, path: String::new(), violations }
    }

    /// Fails if any constraint was violated so far.
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        self.violations.check()
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    pub(super) fn is_given(&self) -> bool {
        !self.value.is_null()
    }

    pub(super) fn member(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { value: self.value.get(name).unwrap_or(&Value::Null), path, violations: self.violations }
    }

    /// Returns a required structure.
    pub(super) fn structure(&self, name: &str) -> Result<Self, ServiceError> {
        let field = self.member(name).required();
        if field.value.is_object() || !field.is_given() { Ok(field) } else { Err(unexpected_type()) }
    }

    /// Records a violation if a required member is absent.
    pub(super) fn require(&self, name: &str) {
        self.member(name).required();
    }

    /// Returns the entries of a list; none if the list is absent.
    pub(super) fn list(&self, name: &str, sizes: RangeInclusive<usize>) -> Result<Vec<Self>, ServiceError> {
        let list = self.member(name);
        let entries = match list.value {
            Value::Null => return Ok(Vec::new()),
            Value::Array(entries) => entries,
            _ => return Err(unexpected_type()),
        };
        list.bounded("length", &sizes, entries.len());
        let entry = |(index, value)| Self {
            value,
            path: format!("{}.{}.member", list.path, index + 1),
            violations: self.violations,
        };
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
        field.bounded("length", &lengths, text.chars().count());
        if !(pattern.matches)(text) {
            field.violates(&format!("Member must satisfy regular expression pattern: {}", pattern.shown));
        }
        Ok(Some(text))
    }

    pub(super) fn text(
        &self,
        name: &str,
        lengths: RangeInclusive<usize>,
        pattern: &Pattern,
    ) -> Result<&'a str, ServiceError> {
        self.require(name);
        Ok(self.optional_text(name, lengths, pattern)?.unwrap_or_default())
    }

    pub(super) fn optional_choice(&self, name: &str, choices: &[&str]) -> Result<Option<&'a str>, ServiceError> {
        let text = self.optional_text(name, 0..=usize::MAX, &ANY)?;
        if text.is_some_and(|text| !choices.contains(&text)) {
            self.member(name).violates(&format!("Member must satisfy enum value set: [{}]", choices.join(", ")));
        }
        Ok(text)
    }

    pub(super) fn choice(&self, name: &str, choices: &[&str]) -> Result<&'a str, ServiceError> {
        self.require(name);
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
        field.bounded("value", &range, number);
        Ok(Some(number))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ServiceError> {
        match self.member(name).value {
            Value::Null => Ok(false),
            Value::Bool(flag) => Ok(*flag),
            _ => Err(unexpected_type()),
        }
    }

    fn required(self) -> Self {
        if !self.is_given() {
            self.violates("Member must not be null");
        }
        self
    }

    fn bounded(&self, what: &str, range: &RangeInclusive<usize>, found: usize) {
        let (least, most) = (range.start(), range.end());
        if found < *least {
            self.violates(&format!("Member must have {what} greater than or equal to {least}"));
        } else if found > *most {
            self.violates(&format!("Member must have {what} less than or equal to {most}"));
        }
    }

    fn violates(&self, constraint: &str) {
        let violation = format!("Value at '{}' failed to satisfy constraint: {constraint}", self.path);
        self.violations.0.borrow_mut().push(violation);
    }
}

/// Returns the exception for an invalid input.
pub(super) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationException", message)
}

/// Returns the exception for a member that does not have its type in the model.
pub(super) fn unexpected_type() -> ServiceError {
    ServiceError::new("SerializationException", "a member of the input does not have its type in the model")
}

fn consists_of(text: &str, others: &[char]) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(&c))
}
