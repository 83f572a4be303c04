//! The shell's patterns in `${name#pattern}`. A slash is a character like any other here.

/// A pattern of `*`, `?` and literal characters.
pub(crate) struct Glob(Vec<Piece>);

enum Piece {
    Any,
    One,
    Char(char),
}

impl Glob {
    /// Reads a pattern; a backslash makes the next character a literal one.
    pub(crate) fn read(pattern: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '*' => Piece::Any,
                '?' => Piece::One,
                '\\' => match chars.next() {
                    Some(c) if "*?\\}/".contains(c) => Piece::Char(c),
                    other => {
                        return Err(format!(
                            "\\{} is no escape",
                            other.map_or(String::new(), String::from)
                        ));
                    }
                },
                c => Piece::Char(c),
            });
        }
        Ok(Self(pieces))
    }

    /// Whether the whole text fits.
    pub(crate) fn matches(&self, text: &str) -> bool {
        // The pieces up to which the text read so far can have matched.
        let mut reached = vec![false; self.0.len() + 1];
        reached[0] = true;
        self.skip_any(&mut reached);
        for c in text.chars() {
            let mut next = vec![false; reached.len()];
            for (at, piece) in self.0.iter().enumerate().filter(|&(at, _)| reached[at]) {
                match piece {
                    Piece::Any => next[at] = true,
                    Piece::One => next[at + 1] = true,
                    Piece::Char(expected) if *expected == c => next[at + 1] = true,
                    Piece::Char(_) => {}
                }
            }
            self.skip_any(&mut next);
            reached = next;
        }
        reached[self.0.len()]
    }

    fn skip_any(&self, reached: &mut [bool]) {
        for (at, piece) in self.0.iter().enumerate() {
            if reached[at] && matches!(piece, Piece::Any) {
                reached[at + 1] = true;
            }
        }
    }

    /// The first match, and of those that begin there the longest.
    pub(crate) fn find(&self, text: &str) -> Option<(usize, usize)> {
        boundaries(text).find_map(|start| {
            let ends: Vec<usize> = boundaries(text).filter(|&end| end >= start).collect();
            ends.into_iter()
                .rev()
                .find(|&end| self.matches(&text[start..end]))
                .map(|end| (start, end))
        })
    }
}

/// Where a text can be cut.
pub(crate) fn boundaries(value: &str) -> impl Iterator<Item = usize> {
    value.char_indices().map(|(at, _)| at).chain([value.len()])
}
