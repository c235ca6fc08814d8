//! The members of a request, and the paging that all lists share.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::error::ServiceError;

pub(crate) struct Input(Map<String, Value>);

impl Input {
    pub(crate) fn new(value: Value) -> Result<Self, ServiceError> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(ServiceError::new("SerializationException", "the request must be a JSON object")),
        }
    }

    /// Returns a member that is neither absent nor null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ServiceError> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong_type(name, "a string"))).transpose()
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, ServiceError> {
        self.get(name).map(|value| value.as_i64().ok_or_else(|| wrong_type(name, "an integer"))).transpose()
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, ServiceError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let list = value.as_array().ok_or_else(|| wrong_type(name, "a list"))?;
        list.iter()
            .map(|item| item.as_str().ok_or_else(|| wrong_type(name, "a list of strings")))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Returns the structures of a list; none if the list is absent.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<Self>, ServiceError> {
        let Some(value) = self.get(name) else {
            return Ok(Vec::new());
        };
        let list = value.as_array().ok_or_else(|| wrong_type(name, "a list"))?;
        list.iter().cloned().map(Self::new).collect()
    }

    /// Returns a path without leading and trailing slash; the root is empty.
    pub(crate) fn path(&self, name: &str) -> Result<Option<&str>, ServiceError> {
        let Some(path) = self.text(name)? else {
            return Ok(None);
        };
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        if !path.is_empty()
            && path.split('/').any(|part| matches!(part, "" | "." | ".." | ".git") || part.contains('\0'))
        {
            return Err(ServiceError::new("InvalidPathException", format!("The path {path} is not valid.")));
        }
        Ok(Some(path))
    }

    /// Returns the page of `items` that the member `token` asks for, and the token of the next page.
    ///
    /// A token is valid for the list that `of` identifies; the token of another list is refused.
    pub(crate) fn page<T>(
        &self,
        token: &str,
        of: &str,
        items: Vec<T>,
        size: usize,
    ) -> Result<(Vec<T>, Option<String>), ServiceError> {
        let start = match self.text(token)? {
            None => 0,
            Some(token) => {
                offset(token, of).filter(|start| (1..items.len().max(2)).contains(start)).ok_or_else(|| {
                    ServiceError::new(
                        "InvalidContinuationTokenException",
                        "The specified continuation token is not valid.",
                    )
                })?
            }
        };
        let end = start.saturating_add(size);
        let next = (end < items.len()).then(|| BASE64_URL_SAFE_NO_PAD.encode(format!("{end}:{of}")));
        Ok((items.into_iter().skip(start).take(size).collect(), next))
    }
}

/// Returns true for a full object ID; the API accepts no abbreviated ones.
pub(crate) fn is_object_id(id: &str) -> bool {
    id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns true if Git accepts this as a branch name (git-check-ref-format) and CodeCommit accepts its length.
pub(crate) fn is_branch_name(name: &str) -> bool {
    let bad = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.strip_suffix(".lock").is_some();
    (1..=256).contains(&name.chars().count())
        && !name.contains(bad)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && !name.starts_with('-')
        && name != "@"
        && !name.split('/').any(bad_part)
}

/// Adds the token of the next page to an output.
pub(crate) fn with_token(mut output: Value, name: &str, token: Option<String>) -> Value {
    if let Some(token) = token {
        output[name] = token.into();
    }
    output
}

fn offset(token: &str, of: &str) -> Option<usize> {
    let token = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (offset, list) = token.split_once(':')?;
    (list == of).then(|| offset.parse().ok())?
}

fn wrong_type(name: &str, wanted: &str) -> ServiceError {
    ServiceError::new("SerializationException", format!("{name} must be {wanted}"))
}
