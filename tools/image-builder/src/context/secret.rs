//! Files that are clearly secrets, and must not end up in an image layer.

use std::io;

use super::path;

/// What a file gives away by its name alone, or by its first bytes.
enum Sign {
    Name,
    Content(&'static [&'static str]),
}

/// How much of a file is looked at.
pub(crate) const HEAD: usize = 64 * 1024;

/// Names that are no secrets although they look like some: examples that are meant to be in git.
const EXAMPLES: [&str; 5] = ["example", "sample", "template", "dist", "defaults"];

/// Why the file must not be copied, if it is a secret. `head` reads its first bytes, and is called only where the
/// name raises the suspicion.
pub(crate) fn reason(
    file: &str,
    head: impl FnOnce() -> io::Result<Vec<u8>>,
) -> io::Result<Option<&'static str>> {
    let Some((reason, sign)) = suspicion(file) else {
        return Ok(None);
    };
    let is_secret = match sign {
        Sign::Name => true,
        Sign::Content(words) => {
            let head = head()?;
            let text = String::from_utf8_lossy(&head);
            words.iter().any(|word| text.contains(word))
        }
    };
    Ok(is_secret.then_some(reason))
}

fn suspicion(file: &str) -> Option<(&'static str, Sign)> {
    let name = path::name(file).to_ascii_lowercase();
    let directory = path::name(path::parent(file));
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let found = match name.as_str() {
        ".env" => ("an environment file", Sign::Name),
        _ if name.starts_with(".env.") && !EXAMPLES.contains(&extension) => {
            ("an environment file", Sign::Name)
        }
        "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" => ("a private SSH key", Sign::Name),
        "credentials" if directory == ".aws" => ("AWS credentials", Sign::Name),
        ".git-credentials" => ("git credentials", Sign::Name),
        ".netrc" | "_netrc" => ("passwords of hosts", Sign::Content(&["password"])),
        ".npmrc" | ".yarnrc" => (
            "a token of a package registry",
            Sign::Content(&["_authToken=", "_auth=", "_password="]),
        ),
        ".pypirc" => (
            "a password of a package registry",
            Sign::Content(&["password"]),
        ),
        "config.json" if directory == ".docker" => (
            "passwords of registries",
            Sign::Content(&["\"auth\"", "\"identitytoken\""]),
        ),
        _ if ["pem", "key", "ppk"].contains(&extension) => (
            "a private key",
            Sign::Content(&["PRIVATE KEY-----", "PuTTY-User-Key-File"]),
        ),
        _ => return None,
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_secrets_by_name_and_content() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\n";
        let cases = [
            (".env", "", true),
            ("app/.env.production", "", true),
            (".env.example", "", false),
            (".envrc", "", false),
            ("keys/id_ed25519", "", true),
            ("keys/id_ed25519.pub", "", false),
            ("home/.aws/credentials", "", true),
            ("credentials", "", false),
            ("tls.pem", key, true),
            ("ca.pem", "-----BEGIN CERTIFICATE-----\n", false),
            ("server.KEY", key, true),
            ("key", key, false),
            (".npmrc", "//registry/:_authToken=abc", true),
            (".npmrc", "save-exact=true", false),
            (
                ".docker/config.json",
                "{\"auths\":{\"x\":{\"auth\":\"eA==\"}}}",
                true,
            ),
            ("config.json", "\"auth\"", false),
        ];
        for (file, content, expected) in cases {
            let found = reason(file, || Ok(content.as_bytes().to_vec())).unwrap();
            assert_eq!(found.is_some(), expected, "{file} {content}");
        }
    }

    #[test]
    fn reads_only_suspicious_files() {
        let found = reason("src/main.rs", || Err(io::Error::other("not to be read"))).unwrap();
        assert_eq!(found, None);
    }
}
