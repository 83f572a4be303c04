use super::check::{Change, Fate, changes};
use super::origin::Record;
use super::*;

fn origin(template: Template, ci: Option<Ci>, name: &str) -> Origin {
    Origin {
        template: template.word().to_owned(),
        ci: ci.map(|ci| ci.word().to_owned()),
        name: name.to_owned(),
    }
}

fn file<'f>(files: &'f [(String, Vec<u8>)], path: &str) -> &'f str {
    let (_, content) = files
        .iter()
        .find(|(name, _)| name == path)
        .unwrap_or_else(|| panic!("{path} is among the files"));
    std::str::from_utf8(content).expect("it is text")
}

#[test]
fn makes_every_template_with_every_ci_system() {
    for template in Template::value_variants() {
        for ci in [None, Some(Ci::Teamcity), Some(Ci::Github), Some(Ci::Gitlab)] {
            let files = made(&origin(*template, ci, "corner-shop")).unwrap();
            for (path, content) in &files {
                let text = String::from_utf8_lossy(content).to_ascii_lowercase();
                assert!(!text.contains(LUDLOW), "{path}");
                for left in ["node_modules/", "target/", "dist/", "coverage/"] {
                    assert!(!path.starts_with(left), "{path}");
                }
            }
            for common in ["Dockerfile", ".dockerignore", ".gitignore", "README.md"] {
                file(&files, common);
            }
            let configuration = file(&files, "longshore.toml");
            let project = contract::config::parse(configuration, "longshore.toml");
            assert_eq!(project.unwrap().app.name, "corner-shop");
            if let Some(ci) = ci {
                let definition = match ci {
                    Ci::Teamcity => ".teamcity/settings.kts",
                    Ci::Github => ".github/workflows/release.yml",
                    Ci::Gitlab => ".gitlab-ci.yml",
                };
                assert!(file(&files, definition).contains("longshore deploy"));
            }
        }
    }
}

#[test]
fn renames_in_three_ways() {
    let files = made(&origin(Template::RustApi, None, "corner-shop")).unwrap();
    assert!(file(&files, "Cargo.toml").starts_with("[package]\nname = \"corner-shop\"\n"));
    assert!(file(&files, "src/config.rs").contains("\"CORNER_SHOP_CRASH\""));
    assert!(file(&files, "longshore.toml").contains("\"ssm:/corner-shop/prod/DATABASE_URL\""));
}

#[test]
fn refuses_names_that_something_cannot_have() {
    for name in [
        "a", "Shop", "1shop", "shop-", "a--b", "shop_1", "../shop", "test", "",
    ] {
        assert!(check_name(name).is_err(), "{name}");
    }
    check_name("corner-shop-2").unwrap();
}

#[test]
fn never_overwrites() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("shop");
    let origin = origin(Template::RustApi, None, "shop");
    let files = made(&origin).unwrap();
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("mine"), "mine").unwrap();
    let error = write(&target, &origin, &files).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} is there and not empty", target.display())
    );
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 1);
    std::fs::remove_file(target.join("mine")).unwrap();
    write(&target, &origin, &files).unwrap();
    assert_eq!(
        std::fs::read_to_string(target.join("README.md")).unwrap(),
        file(&files, "README.md")
    );
    // Nothing else is left.
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn says_what_the_template_has_changed_since() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("shop");
    let origin = origin(Template::RustApi, None, "shop");
    let old = vec![
        ("changed".to_owned(), b"1".to_vec()),
        ("changed-both".to_owned(), b"1".to_vec()),
        ("changed-here".to_owned(), b"1".to_vec()),
        ("taken-over".to_owned(), b"1".to_vec()),
        ("removed".to_owned(), b"1".to_vec()),
    ];
    write(&target, &origin, &old).unwrap();
    for (name, content) in [
        ("changed-both", "mine"),
        ("changed-here", "mine"),
        ("taken-over", "2"),
    ] {
        std::fs::write(target.join(name), content).unwrap();
    }
    let new = vec![
        ("added".to_owned(), b"2".to_vec()),
        ("changed".to_owned(), b"2".to_vec()),
        ("changed-both".to_owned(), b"2".to_vec()),
        ("changed-here".to_owned(), b"1".to_vec()),
        ("taken-over".to_owned(), b"2".to_vec()),
    ];
    let record = Record::of(&target).unwrap();
    assert_eq!(record.origin, origin);
    let change = |path: &str, template, project| Change {
        path: path.to_owned(),
        template,
        project,
    };
    assert_eq!(
        changes(&record, &new, &target).unwrap(),
        [
            change("added", Fate::Added, Fate::Absent),
            change("changed", Fate::Changed, Fate::Same),
            change("changed-both", Fate::Changed, Fate::Changed),
            change("removed", Fate::Removed, Fate::Same),
        ]
    );
    assert_eq!(changes(&record, &old, &target).unwrap(), []);
    assert!(Record::of(directory.path()).is_err());
}
