//! Files of `NAME=value` lines.

/// What a file has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Variables<'a> {
    /// In the file's order; a name may come twice.
    pub(super) found: Vec<(&'a str, &'a str)>,
    /// Numbers of the lines, from 1, whose name is not one.
    pub(super) bad: Vec<usize>,
    /// Numbers of the lines, from 1, that have no `=`.
    pub(super) passed_over: Vec<usize>,
}

/// As `ecs deploy` reads it: white space around a line goes, lines that begin with `#` are comments, the
/// value is everything after the first `=`, and quotes belong to the value.
pub(super) fn parse(text: &str) -> Variables<'_> {
    let mut variables = Variables::default();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let trimmed = line.trim();
        if line.starts_with('#') || trimmed.is_empty() {
            continue;
        }
        match trimmed.split_once('=') {
            None => variables.passed_over.push(number),
            Some((name, _)) if name.is_empty() || name.contains(char::is_whitespace) => {
                variables.bad.push(number);
            }
            Some(pair) => variables.found.push(pair),
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_and_numbers_the_strange_ones() {
        let text =
            "\u{feff}A=1\n# comment=1\n\n  B=\"x = y\"  \r\nnothing\nexport C=1\n=d\nE=\nA=2\n";
        assert_eq!(
            parse(text),
            Variables {
                found: vec![("A", "1"), ("B", "\"x = y\""), ("E", ""), ("A", "2")],
                bad: vec![6, 7],
                passed_over: vec![5],
            }
        );
    }
}
