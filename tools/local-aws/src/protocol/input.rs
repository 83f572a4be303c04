//! Reading the members of a request, whatever dialect it came in.

use serde_json::Value;

use super::AwsError;

/// The members of one request, with the error code that its service uses for invalid parameters.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    members: &'a Value,
    invalid: &'a str,
}

impl<'a> Input<'a> {
    /// `invalid` is the service's code for a bad parameter, for example `InvalidParameterException`.
    #[must_use]
    pub fn new(members: &'a Value, invalid: &'a str) -> Self {
        Self { members, invalid }
    }

    /// The member as it is; JSON null counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A string member.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, AwsError> {
        self.read(name, "a string", Value::as_str)
    }

    /// A string member that must be there and not be empty.
    pub fn required_text(&self, name: &str) -> Result<&'a str, AwsError> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| AwsError::invalid_member(self.invalid, name, "given"))
    }

    /// An integer member; the query dialect's digits count.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, AwsError> {
        self.read(name, "an integer", |value| match value {
            Value::String(digits) => digits.parse().ok(),
            number => number.as_i64(),
        })
    }

    /// A number member.
    pub fn number(&self, name: &str) -> Result<Option<f64>, AwsError> {
        self.read(name, "a number", |value| match value {
            Value::String(digits) => digits.parse().ok(),
            number => number.as_f64(),
        })
    }

    /// A boolean member; the query dialect's words count.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, AwsError> {
        self.read(name, "true or false", |value| match value {
            Value::String(word) => word.parse().ok(),
            other => other.as_bool(),
        })
    }

    /// A list member; absent is empty.
    pub fn list(&self, name: &str) -> Result<&'a [Value], AwsError> {
        Ok(self
            .read(name, "a list", |value| match value {
                Value::Array(items) => Some(items.as_slice()),
                // The query dialect writes an empty list as an empty string.
                Value::String(text) if text.is_empty() => Some(&[]),
                _ => None,
            })?
            .unwrap_or(&[]))
    }

    /// A list of strings; absent is empty.
    pub fn texts(&self, name: &str) -> Result<Vec<&'a str>, AwsError> {
        self.list(name)?
            .iter()
            .map(|item| {
                item.as_str().ok_or_else(|| {
                    AwsError::invalid_member(self.invalid, name, "a list of strings")
                })
            })
            .collect()
    }

    /// A structure member, to be read in the same way.
    pub fn structure(&self, name: &str) -> Result<Option<Input<'a>>, AwsError> {
        Ok(self
            .read(name, "a structure", |value| {
                value.is_object().then_some(value)
            })?
            .map(|members| self.within(members)))
    }

    /// The structures of a list member.
    pub fn structures(&self, name: &str) -> Result<Vec<Input<'a>>, AwsError> {
        Ok(self
            .list(name)?
            .iter()
            .map(|members| self.within(members))
            .collect())
    }

    /// All members, by name.
    #[must_use]
    pub fn members(&self) -> serde_json::Map<String, Value> {
        self.members.as_object().cloned().unwrap_or_default()
    }

    /// The error for a member whose value is not acceptable.
    #[must_use]
    pub fn refuse(&self, message: impl Into<String>) -> AwsError {
        AwsError::new(self.invalid, message)
    }

    fn within(&self, members: &'a Value) -> Input<'a> {
        Input {
            members,
            invalid: self.invalid,
        }
    }

    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, AwsError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => convert(value)
                .map(Some)
                .ok_or_else(|| AwsError::invalid_member(self.invalid, name, expected)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_numbers_of_either_dialect() {
        let members = json!({ "a": 5, "b": "5", "c": "x", "d": null, "e": "true" });
        let input = Input::new(&members, "Bad");
        assert_eq!(input.integer("a"), Ok(Some(5)));
        assert_eq!(input.integer("b"), Ok(Some(5)));
        assert_eq!(
            input.integer("c"),
            Err(AwsError::invalid_member("Bad", "c", "an integer"))
        );
        assert_eq!(input.integer("d"), Ok(None));
        assert_eq!(input.flag("e"), Ok(Some(true)));
    }

    #[test]
    fn refuses_an_absent_required_member() {
        let members = json!({ "name": "" });
        let input = Input::new(&members, "Bad");
        assert_eq!(
            input.required_text("name"),
            Err(AwsError::invalid_member("Bad", "name", "given"))
        );
    }
}
