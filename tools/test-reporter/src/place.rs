//! Finding the line of source in a stack trace.

/// Parts of paths that are not the project's own.
const FOREIGN: [&str; 6] = [
    "/rustc/",
    "node_modules/",
    "node:",
    "/.cargo/registry/",
    "site-packages/",
    "<anonymous>",
];

/// Ends of host names, which a port follows and not a line.
const DOMAINS: [&str; 6] = ["com", "org", "net", "io", "dev", "local"];

/// The first `FILE:LINE` or `FILE:LINE:COLUMN` of the project's own.
pub(crate) fn first(text: &str) -> Option<String> {
    text.split(|c: char| c.is_whitespace() || "()[]'\"`,;<>".contains(c))
        .filter(|word| !FOREIGN.iter().any(|foreign| word.contains(foreign)))
        .find_map(place)
}

/// Splits a place into file and line.
pub(crate) fn parts(place: &str) -> Option<(&str, u32)> {
    let (before, last) = place.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    match before.rsplit_once(':') {
        Some((file, line)) => match line.parse() {
            Ok(line) => Some((file, line)),
            Err(_not_a_line) => Some((before, last)),
        },
        None => Some((before, last)),
    }
}

fn place(word: &str) -> Option<String> {
    let word = word.trim_end_matches([':', '.']);
    let (file, line) = parts(word)?;
    let numbers = &word[file.len()..];
    // A browser names the server's address and a hash against caching.
    let file = match file.split_once("://") {
        Some((_, address)) => {
            let path = address.split_once('/').map_or("", |(_, path)| path);
            path.strip_prefix("base/").unwrap_or(path)
        }
        None => file,
    };
    let file = file.split('?').next().unwrap_or(file);
    let (stem, extension) = file.rsplit_once('.')?;
    let is_extension = (1..=5).contains(&extension.len())
        && extension.starts_with(|c: char| c.is_ascii_alphabetic())
        && extension.chars().all(|c| c.is_ascii_alphanumeric())
        && !DOMAINS.contains(&extension);
    let is_stem = stem.chars().any(char::is_alphabetic);
    (is_extension && is_stem && line > 0).then(|| format!("{file}{numbers}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_in_what_runners_write() {
        for (text, place) in [
            (
                "thread 'tests::a' (24879) panicked at src/lib.rs:6:131:\nassertion",
                "src/lib.rs:6:131",
            ),
            (
                "E  assert 6 == 7\n\ntests/test_shop.py:13: AssertionError",
                "tests/test_shop.py:13",
            ),
            (" ❯ sum.test.ts:5:137", "sum.test.ts:5:137"),
            (
                "    at <Jasmine>\n    at UserContext.<anonymous> (test-clean/cart.spec.js:4:89)",
                "test-clean/cart.spec.js:4:89",
            ),
            (
                "at UserContext.<anonymous> (http://127.0.0.1:9876/base/test-clean/cart.spec.js?86fd43e:4:89)",
                "test-clean/cart.spec.js:4:89",
            ),
            (
                "    at processImmediate (node:internal/timers:483:21)\n    at Context.x (test/cart.js:4:34)",
                "test/cart.js:4:34",
            ),
            (
                "0: rust_begin_unwind\n at /rustc/5980/library/std/src/panicking.rs:689:5\n 1: at ./src/lib.rs:1:73",
                "./src/lib.rs:1:73",
            ),
        ] {
            assert_eq!(first(text).as_deref(), Some(place), "{text}");
        }
        for text in [
            "127.0.0.1:8080",
            "ludlow.io:8080",
            "at 12:30:05",
            "a.b",
            "x.rs:0",
            "version 1.2:3",
            "",
        ] {
            assert_eq!(first(text), None, "{text}");
        }
    }

    #[test]
    fn splits_file_and_line() {
        assert_eq!(parts("src/lib.rs:6:131"), Some(("src/lib.rs", 6)));
        assert_eq!(parts("src/lib.rs:6"), Some(("src/lib.rs", 6)));
        assert_eq!(parts("src/lib.rs"), None);
    }
}
