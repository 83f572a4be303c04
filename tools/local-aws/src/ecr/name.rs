//! Which names repositories and tags may have.

use std::sync::LazyLock;

use regex::Regex;

/// ECR's rule, in the words of its error.
pub(crate) const REPOSITORY_RULE: &str =
    "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";

static REPOSITORY: LazyLock<Regex> = LazyLock::new(|| {
    // The model's pattern, which allows `__` and `--` too.
    let part = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*";
    Regex::new(&format!("^{part}(?:/{part})*$")).expect("the pattern is a constant")
});

static TAG: LazyLock<Regex> = LazyLock::new(|| {
    // The distribution specification's.
    Regex::new("^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$").expect("the pattern is a constant")
});

/// Whether a repository may have this name: 2 to 256 characters, no way out of a directory.
pub(crate) fn is_repository(name: &str) -> bool {
    (2..=256).contains(&name.len()) && REPOSITORY.is_match(name)
}

/// Whether a tag may have this name.
pub(crate) fn is_tag(name: &str) -> bool {
    TAG.is_match(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_names_that_ecr_takes() {
        for name in ["ludlow", "team/app", "a-b.c_d__e--f", "1/2/3", "ab"] {
            assert!(is_repository(name), "{name}");
        }
        let long = "a".repeat(257);
        for name in [
            "", "a", "Ludlow", "../etc", "a/../b", "a//b", "/a", "a/", "a..b", "a b", "a\0b", "-a",
            "a\n", &long,
        ] {
            assert!(!is_repository(name), "{name:?}");
        }
    }

    #[test]
    fn takes_the_tags_that_registries_take() {
        for tag in ["latest", "v1.2-3_x", "_", &"a".repeat(128)] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in ["", ".a", "-a", "a/b", "a:b", "a\n", &"a".repeat(129)] {
            assert!(!is_tag(tag), "{tag:?}");
        }
    }
}
