//! The form that `node --env-file` reads. It is that of npm's `dotenv`, of which node takes the quotes as they
//! are and one escape, `\n`: it has no way to write a carriage return, and drops those that it finds.

use super::{Refusal, Text, Value, accepted, npm};

/// The file's text, in the order of the values.
pub(crate) fn encode(values: &[Value<'_>]) -> Result<Text, Refusal> {
    accepted("a file for node --env-file", values, mistake)?;
    npm::encode(values)
}

fn mistake(value: &Value<'_>) -> Option<&'static str> {
    value
        .text
        .contains('\r')
        .then_some("its value has a carriage return, which node drops")
}

#[cfg(test)]
mod tests {
    use super::super::check::encoded;
    use super::*;

    #[test]
    fn writes_what_dotenv_reads_and_refuses_carriage_returns() {
        assert_eq!(
            encoded(encode, &[("A", "it's\n#"), ("B", "$X")]),
            Ok("A=`it's\n#`\nB='$X'\n".to_owned())
        );
        assert_eq!(
            encoded(encode, &[("A", "hunter2\r\n")]),
            Err("a file for node --env-file cannot hold A (its value has a carriage return, which node drops)".to_owned())
        );
    }
}
