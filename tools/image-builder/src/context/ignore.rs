//! `.dockerignore`: which files of the context there are for COPY and ADD.

use super::path;
use super::pattern::Pattern;
use crate::problem::Problems;

/// The rules, in the order of the file; the last that matches decides.
#[derive(Debug, Default)]
pub(crate) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    /// `!`: what matches is let in again.
    lets_in: bool,
    /// The parts between the slashes; `None` stands for `**`, which any number of parts can match.
    parts: Vec<Option<Pattern>>,
}

impl Rule {
    /// `None` if the pattern is malformed.
    fn new(pattern: &str, lets_in: bool) -> Option<Self> {
        Some(Self {
            parts: pattern
                .split('/')
                .map(|part| {
                    if part.contains("**") {
                        None
                    } else {
                        Pattern::ignore(part)
                    }
                })
                .collect(),
            pattern: Pattern::ignore(pattern)?,
            lets_in,
        })
    }

    /// Whether the path matches, or a directory above it.
    fn covers(&self, file: &str) -> bool {
        self.pattern.matches(file)
            || path::ancestors(file).any(|directory| self.pattern.matches(directory))
    }

    /// Whether a path below this directory can match.
    fn may_match_below(&self, directory: &str) -> bool {
        let mut parts = self.parts.iter();
        directory.split('/').all(|name| match parts.next() {
            Some(Some(part)) => part.matches(name),
            // Beyond the pattern's end a match reaches down.
            Some(None) | None => {
                parts = [].iter();
                true
            }
        })
    }
}

/// The tools' own directory: it changes with every run, and has no place in an image. A rule of the file can let
/// it in again.
const OWN: &str = ".longshore";

impl Ignore {
    /// Reads the file's text.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut rules = vec![Rule::new(OWN, false).expect("a literal pattern is well formed")];
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (lets_in, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (true, pattern.trim()),
                None => (false, line),
            };
            if pattern.is_empty() {
                if lets_in {
                    problems.add(
                        file,
                        index + 1,
                        "! stands alone: write the pattern to let in right after it",
                    );
                }
                continue;
            }
            match Rule::new(&cleaned(pattern), lets_in) {
                Some(rule) => rules.push(rule),
                None => problems.add(
                    file,
                    index + 1,
                    format!("the pattern {pattern} is malformed"),
                ),
            }
        }
        problems.or(Self { rules })
    }

    /// Whether a path is left out, by itself or with a directory above it.
    pub(crate) fn leaves_out(&self, file: &str) -> bool {
        let mut out = false;
        for rule in &self.rules {
            // Only a rule that would change the verdict is worth a look.
            if rule.lets_in == out && rule.covers(file) {
                out = !rule.lets_in;
            }
        }
        out
    }

    /// Whether something below a directory that is left out may be let in again: by a rule after the last that leaves
    /// out the directory, and with it all that is below.
    pub(crate) fn may_let_in_below(&self, directory: &str) -> bool {
        self.rules
            .iter()
            .rev()
            .take_while(|rule| rule.lets_in || !rule.covers(directory))
            .any(|rule| rule.lets_in && rule.may_match_below(directory))
    }
}

/// As Go's `filepath.Clean`, without the slash at the beginning. A `..` that leads out stays, and matches nothing.
fn cleaned(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if !pattern.starts_with('/') && parts.last().is_none_or(|&last| last == "..") => {
                parts.push("..")
            }
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        // "." and "/" match nothing.
        return ".".to_owned();
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the paths are left out.
    fn check(rules: &str, paths: &[&str], expected: &[&str]) {
        let ignore = Ignore::parse(".dockerignore", rules).unwrap();
        let found: Vec<&str> = paths
            .iter()
            .copied()
            .filter(|path| ignore.leaves_out(path))
            .collect();
        assert_eq!(found, expected, "{rules:?}");
    }

    #[test]
    fn lets_the_last_rule_decide() {
        check(
            "*.md\n!README*.md\nREADME-secret.md",
            &["a.md", "README.md", "README-secret.md"],
            &["a.md", "README-secret.md"],
        );
        check(
            "*.md\nREADME-secret.md\n!README*.md",
            &["a.md", "README.md", "README-secret.md"],
            &["a.md"],
        );
    }

    #[test]
    fn leaves_out_what_is_below_a_directory() {
        check(
            "a",
            &["a", "a/b", "a/b/c", "ab", "b/a"],
            &["a", "a/b", "a/b/c"],
        );
        check("*/a", &["a", "x/a", "x/a/b", "x/y/a"], &["x/a", "x/a/b"]);
        check("**/a", &["a", "x/a/b", "x/y/a"], &["a", "x/a/b", "x/y/a"]);
        check("a/**", &["a", "a/b", "a/b/c"], &["a/b", "a/b/c"]);
    }

    #[test]
    fn lets_in_below_a_directory_that_is_left_out() {
        check(
            "*\n!a/b",
            &["a", "a/b", "a/b/c", "a/d", "e"],
            &["a", "a/d", "e"],
        );
        check(
            "a\n!a/b\na/b/secret",
            &["a/x", "a/b", "a/b/y", "a/b/secret"],
            &["a/x", "a/b/secret"],
        );
    }

    #[test]
    fn cleans_the_patterns() {
        check(
            "\u{feff}a\n# b\n  d  \n/e\n./f//g/\nh/../i\n../j\n.\n/\n#k\n",
            &["a", "b", "d", "e", "f/g", "h", "i", "j", "k"],
            &["a", "d", "e", "f/g", "i"],
        );
    }

    #[test]
    fn knows_where_nothing_can_be_let_in() {
        let ignore = Ignore::parse(".dockerignore", "*\n!target/*/release\n!**/x\n").unwrap();
        assert!(ignore.may_let_in_below("anything/at/all"));
        let ignore = Ignore::parse(".dockerignore", "*\n!target/*/release\n!a/**/x\n").unwrap();
        for (directory, expected) in [
            ("target", true),
            ("target/debug", true),
            ("target/debug/deps", false),
            ("target/debug/release/x", true),
            ("a/b/c", true),
            ("b", false),
        ] {
            assert_eq!(ignore.may_let_in_below(directory), expected, "{directory}");
        }
        let ignore = Ignore::parse(".dockerignore", "*\n!target\ntarget/*\n!target/x\n").unwrap();
        assert!(!ignore.may_let_in_below("target/debug"));
    }

    #[test]
    fn leaves_out_the_tools_own_directory_unless_it_is_let_in() {
        check(
            "",
            &[".longshore/local/image.json", "a"],
            &[".longshore/local/image.json"],
        );
        check(
            "!.longshore/x",
            &[".longshore/x", ".longshore/y"],
            &[".longshore/y"],
        );
    }

    #[test]
    fn reports_malformed_patterns() {
        assert_eq!(
            Ignore::parse("x/.dockerignore", "a\n!\n[\nb\\\n")
                .unwrap_err()
                .to_string(),
            "x/.dockerignore:2: ! stands alone: write the pattern to let in right after it\n\
             x/.dockerignore:3: the pattern [ is malformed\n\
             x/.dockerignore:4: the pattern b\\ is malformed"
        );
    }
}
