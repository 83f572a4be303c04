//! A bill of materials: the packages of an image in SPDX 2.3 or CycloneDX 1.5, the same for the same image.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toolkit::file::{Secrecy, write_atomic};

use crate::image::layout::Stored;
use crate::inventory::Package;

/// Which document, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    format: Format,
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Spdx,
    CycloneDx,
}

impl Bill {
    /// `spdx=FILE` or `cyclonedx=FILE`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (format, file) = text.split_once('=').unwrap_or((text, ""));
        let format = match format {
            "spdx" => Format::Spdx,
            "cyclonedx" => Format::CycloneDx,
            _ => return Err("write spdx=FILE or cyclonedx=FILE".to_owned()),
        };
        if file.is_empty() {
            return Err("write spdx=FILE or cyclonedx=FILE".to_owned());
        }
        Ok(Self {
            format,
            file: file.into(),
        })
    }

    /// Writes it.
    pub(crate) fn write(
        &self,
        image: &Stored,
        repository: &str,
        packages: &[Package],
    ) -> anyhow::Result<()> {
        let document = match self.format {
            Format::Spdx => spdx(image, repository, packages),
            Format::CycloneDx => cyclonedx(image, repository, packages),
        };
        let mut bytes = serde_json::to_vec_pretty(&document)?;
        bytes.push(b'\n');
        write_atomic(&self.file, &bytes, Secrecy::Public)
    }

    /// Where it goes.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

const TOOL: &str = concat!("longshore-image-builder-", env!("CARGO_PKG_VERSION"));

/// The package's URL (package-url specification): what scanners look it up by.
fn url(package: &Package) -> String {
    let name = match package.kind {
        "npm" => package.name.replace('@', "%40"),
        "pypi" => package.name.to_ascii_lowercase().replace('_', "-"),
        _ => package.name.clone(),
    };
    let place = match package.kind {
        "deb" => "deb/debian",
        "apk" => "apk/alpine",
        other => other,
    };
    let version = package.version.replace('+', "%2B").replace(':', "%3A");
    format!("pkg:{place}/{name}@{version}")
}

fn image_url(image: &Stored, repository: &str) -> String {
    let name = repository.rsplit('/').next().unwrap_or(repository);
    format!(
        "pkg:oci/{name}@{}",
        image.digest.as_str().replace(':', "%3A")
    )
}

fn spdx(image: &Stored, repository: &str, packages: &[Package]) -> Value {
    let license = |text: &str| {
        // Anything but one plain identifier would have to be an expression.
        let is_plain = !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-.+".contains(c));
        if is_plain {
            text.to_owned()
        } else {
            "NOASSERTION".to_owned()
        }
    };
    let entry = |id: &str, name: &str, version: &str, declared: String, url: String| {
        json!({
            "SPDXID": id, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false, "licenseConcluded": "NOASSERTION", "licenseDeclared": declared,
            "copyrightText": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}]
        })
    };
    let root = "SPDXRef-Image";
    let mut entries = vec![entry(
        root,
        repository,
        image.digest.as_str(),
        "NOASSERTION".to_owned(),
        image_url(image, repository),
    )];
    let mut relations = vec![json!({
        "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": root
    })];
    for (number, package) in packages.iter().enumerate() {
        let id = format!("SPDXRef-Package-{number}");
        entries.push(entry(
            &id,
            &package.name,
            &package.version,
            license(&package.license),
            url(package),
        ));
        relations.push(json!({
            "spdxElementId": root, "relationshipType": "CONTAINS", "relatedSpdxElement": id
        }));
    }
    json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": repository,
        "documentNamespace": format!("https://longshore.invalid/spdx/{repository}/{}", image.digest),
        "creationInfo": {"created": created(image), "creators": [format!("Tool: {TOOL}")]},
        "packages": entries, "relationships": relations
    })
}

fn cyclonedx(image: &Stored, repository: &str, packages: &[Package]) -> Value {
    let components: Vec<Value> = packages
        .iter()
        .map(|package| {
            let mut component = json!({
                "type": "library", "bom-ref": url(package), "name": package.name,
                "version": package.version, "purl": url(package)
            });
            if !package.license.is_empty() {
                component["licenses"] = json!([{"license": {"name": package.license}}]);
            }
            component
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {
            "timestamp": created(image),
            "tools": {"components": [{"type": "application", "name": TOOL}]},
            "component": {
                "type": "container", "bom-ref": "image", "name": repository,
                "version": image.digest.as_str(), "purl": image_url(image, repository)
            }
        },
        "components": components
    })
}

/// The image's own time, without the fraction that SPDX does not take.
fn created(image: &Stored) -> String {
    let time = image
        .config
        .created
        .as_deref()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let seconds = time.map_or(0, jiff::Timestamp::as_second);
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| "1970-01-01T00:00:00Z".to_owned(),
        |time| time.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_packages_as_scanners_do() {
        for (kind, name, version, expected) in [
            (
                "deb",
                "libc6",
                "2.36-9+deb12u1",
                "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1",
            ),
            ("deb", "login", "1:4.13", "pkg:deb/debian/login@1%3A4.13"),
            ("npm", "@x/y", "3.0.0", "pkg:npm/%40x/y@3.0.0"),
            (
                "pypi",
                "Typing_Extensions",
                "4",
                "pkg:pypi/typing-extensions@4",
            ),
        ] {
            let package = Package {
                kind,
                name: name.to_owned(),
                version: version.to_owned(),
                license: String::new(),
            };
            assert_eq!(url(&package), expected);
        }
    }
}
