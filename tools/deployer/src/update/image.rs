//! Image references, as far as a new tag needs them.

/// `image` under another tag. A registry's port is no tag, and a digest goes, because it would win over the tag.
pub(super) fn with_tag(image: &str, tag: &str) -> String {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let repository = match name.rsplit_once(':') {
        Some((repository, last)) if !last.contains('/') => repository,
        _ => name,
    };
    format!("{repository}:{tag}")
}

/// Whether a registry would take this tag: a word of at most 128 letters, digits, `_`, `.` and `-` that
/// starts with none of the last two.
pub(super) fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(is_word)
        && text
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_tag_and_only_the_tag() {
        let table = [
            ("web", "web:v2"),
            ("web:v1", "web:v2"),
            ("library/web", "library/web:v2"),
            ("host:5000/web", "host:5000/web:v2"),
            ("host:5000/team/web:v1", "host:5000/team/web:v2"),
            ("web@sha256:aa", "web:v2"),
            ("web:v1@sha256:aa", "web:v2"),
            ("host:5000/web@sha256:aa", "host:5000/web:v2"),
            ("host:5000/web:v1@sha256:aa", "host:5000/web:v2"),
        ];
        for (image, expected) in table {
            assert_eq!(with_tag(image, "v2"), expected, "{image}");
        }
    }

    #[test]
    fn knows_a_tag() {
        for good in ["v1", "1.2.3", "_x", "A-b_c.d", &"a".repeat(128)] {
            assert!(is_tag(good), "{good}");
        }
        for bad in [
            "",
            ".x",
            "-x",
            "a b",
            "a:b",
            "a/b",
            "sha256:aa",
            "ü",
            &"a".repeat(129),
        ] {
            assert!(!is_tag(bad), "{bad}");
        }
    }
}
