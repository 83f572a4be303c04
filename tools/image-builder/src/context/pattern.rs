//! Patterns of paths: Go's `filepath.Match` for COPY and ADD, and Docker's extension of it for `.dockerignore`.

/// A pattern that a path either matches or not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
    /// The characters before the first piece that can stand for several.
    prefix: String,
    /// `**name` in `.dockerignore`: any path that ends so, even in the middle of a part.
    is_suffix: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    /// `?`: one character, no slash.
    One,
    /// `*`: any number of characters, no slash.
    Star,
    /// `**` in the middle: any number of whole parts.
    Parts,
    /// `**` at the end: anything.
    All,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// For the sources of COPY and ADD; `None` if the pattern is malformed.
    pub(crate) fn glob(text: &str) -> Option<Self> {
        Self::read(text, false)
    }

    /// For `.dockerignore`, where `**` goes over slashes.
    pub(crate) fn ignore(text: &str) -> Option<Self> {
        Self::read(text, true)
    }

    fn read(text: &str, is_deep: bool) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut begins_deep = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let piece = match c {
                '*' if is_deep && chars.next_if_eq(&'*').is_some() => {
                    begins_deep |= pieces.is_empty();
                    chars.next_if_eq(&'/');
                    if chars.peek().is_none() {
                        Piece::All
                    } else {
                        Piece::Parts
                    }
                }
                '*' => Piece::Star,
                '?' => Piece::One,
                '[' => class(&mut chars)?,
                '\\' => Piece::Char(chars.next()?),
                c => Piece::Char(c),
            };
            pieces.push(piece);
        }
        // Docker compares the end of the path as text if nothing but literal characters follows the `**`.
        let is_literal = |piece: &Piece| matches!(piece, Piece::Char(_));
        let is_suffix = begins_deep
            && !text.contains(['\\', ']'])
            && pieces[1..].iter().all(is_literal)
            && !text.starts_with("**/")
            && pieces.len() > 1;
        let prefix = pieces
            .iter()
            .map_while(|piece| match piece {
                Piece::Char(c) => Some(*c),
                _ => None,
            })
            .collect();
        Some(Self {
            pieces,
            prefix,
            is_suffix,
        })
    }

    /// Whether the whole path fits.
    pub(crate) fn matches(&self, path: &str) -> bool {
        if self.is_suffix {
            let suffix: String = self.pieces[1..]
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Char(c) => Some(*c),
                    _ => None,
                })
                .collect();
            return path.ends_with(&suffix);
        }
        // Most paths differ from most patterns at once.
        let Some(rest) = path.strip_prefix(self.prefix.as_str()) else {
            return false;
        };
        let skipped = self.prefix.chars().count();
        self.pieces.len() == skipped && rest.is_empty()
            || self.pieces.len() > skipped && self.matches_from(skipped, rest)
    }

    /// Whether the pieces from that one on fit the text. All ways to match are followed at once, so that no pattern
    /// takes longer than its length times the text's.
    fn matches_from(&self, first: usize, text: &str) -> bool {
        let pieces = &self.pieces[first..];
        // reached[i]: the text read so far can have matched the pieces before i. within[i]: and is in the middle
        // of a part that piece i swallows.
        let mut reached = vec![false; pieces.len() + 1];
        let mut within = reached.clone();
        let (mut next, mut next_within) = (reached.clone(), reached.clone());
        reached[0] = true;
        skip_optional(pieces, &mut reached);
        for c in text.chars() {
            next.fill(false);
            next_within.fill(false);
            for (at, piece) in pieces.iter().enumerate() {
                if *piece == Piece::Parts && (reached[at] || within[at]) {
                    // After a slash, what follows may begin, or another part.
                    next[at + 1] |= c == '/';
                    next_within[at] = true;
                }
                if reached[at] {
                    match piece.takes(c) {
                        Some(true) => next[at] = true,
                        Some(false) => next[at + 1] = true,
                        None => {}
                    }
                }
            }
            skip_optional(pieces, &mut next);
            std::mem::swap(&mut reached, &mut next);
            std::mem::swap(&mut within, &mut next_within);
        }
        reached[pieces.len()]
    }
}

fn skip_optional(pieces: &[Piece], reached: &mut [bool]) {
    for (at, piece) in pieces.iter().enumerate() {
        if reached[at] && matches!(piece, Piece::Star | Piece::Parts | Piece::All) {
            reached[at + 1] = true;
        }
    }
}

impl Piece {
    /// Whether it takes this character, and if so, whether it may take more.
    fn takes(&self, c: char) -> Option<bool> {
        match self {
            Self::Char(expected) => (*expected == c).then_some(false),
            Self::One => (c != '/').then_some(false),
            Self::Star => (c != '/').then_some(true),
            Self::All => Some(true),
            Self::Parts => None,
            Self::Class { negated, ranges } => {
                let is_in = ranges.iter().any(|&(low, high)| low <= c && c <= high);
                (is_in != *negated).then_some(false)
            }
        }
    }
}

/// After a `[`.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Piece> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next()? {
            ']' if !ranges.is_empty() => return Some(Piece::Class { negated, ranges }),
            ']' | '-' => return None,
            '\\' => chars.next()?,
            c => c,
        };
        let high = if chars.next_if_eq(&'-').is_some() {
            match chars.next()? {
                ']' | '-' => return None,
                '\\' => chars.next()?,
                c => c,
            }
        } else {
            low
        };
        ranges.push((low, high));
    }
}

/// Whether the text is more than a plain path.
pub(crate) fn has_wildcards(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_filepath_match() {
        // From the tests of Go's path/filepath, as far as they concern Unix.
        let cases = [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[\\-]", "-", true),
            ("[x\\-]", "z", false),
            ("*x", "xxx", true),
            ("**", "a/b", false),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(
                Pattern::glob(pattern).unwrap().matches(path),
                expected,
                "{pattern} {path}"
            );
        }
        for malformed in [
            "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\",
        ] {
            assert_eq!(Pattern::glob(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn matches_as_docker_ignores() {
        // From the tests of moby/patternmatcher.
        let cases = [
            ("**", "file", true),
            ("**", "dir/file", true),
            ("**/", "file", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir/dir2/file", true),
            ("dir/**", "dir", false),
            ("**/dir", "dir", true),
            ("**/dir", "dir/file", false),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/*", "dir/dir2/dir2/file", true),
            ("**/dir2/**", "dir/dir2/dir2/file", true),
            ("**file", "file", true),
            ("**file", "dir/file", true),
            ("**file", "dir/myfile", true),
            ("**/file", "dir/dir/file", true),
            ("**/file*", "dir/dir/file.txt", true),
            ("**/file*txt", "dir/dir/file.txt", true),
            ("**/**/*.txt", "dir/dir/file.txt", true),
            ("**/**/*.txt2", "dir/dir/file.txt", false),
            ("**/*.txt", "file.txt", true),
            ("a**/*.txt", "a/file.txt", true),
            ("a**/*.txt", "a/dir/dir/file.txt", true),
            ("a/*.txt", "a/dir/file.txt", false),
            ("a[b-d]e", "ace", true),
            (".*", ".foo", true),
            (".*", "foo", false),
            ("abc.def", "abcZdef", false),
            ("abc?def", "abcZdef", true),
            ("**/foo/bar", "foo/bar", true),
            ("**/foo/bar", "dir/dir2/foo/bar", true),
            ("abc/**", "abc/def/ghi", true),
            ("**/.foo", "bar.foo", false),
            ("a(b)c/def", "a(b)c/def", true),
            ("*/a", "b/a", true),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(
                Pattern::ignore(pattern).unwrap().matches(path),
                expected,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn is_quick_with_hostile_patterns() {
        let pattern = format!("{}b", "**/*a*".repeat(30));
        assert!(!Pattern::ignore(&pattern).unwrap().matches(&"a".repeat(200)));
    }

    #[test]
    fn tells_a_pattern_from_a_path() {
        assert!(has_wildcards("a*") && has_wildcards("a[b]") && has_wildcards("?"));
        assert!(!has_wildcards("a\\*b") && !has_wildcards("a/b"));
    }
}
