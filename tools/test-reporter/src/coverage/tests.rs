use contract::test_report::{Coverage, Portion};

use super::*;

fn fixture(name: &str) -> Coverage {
    let path = format!(
        "{}/tests/fixtures/coverage/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    measure(Path::new(&path)).unwrap().unwrap().coverage()
}

fn portion(covered: u64, total: u64) -> Option<Portion> {
    Some(Portion { covered, total })
}

fn coverage(
    lines: (u64, u64),
    branches: Option<Portion>,
    functions: Option<Portion>,
    statements: Option<Portion>,
) -> Coverage {
    Coverage {
        lines_covered: lines.0,
        lines_total: lines.1,
        branches,
        functions,
        statements,
    }
}

#[test]
fn reads_every_format_with_the_runners_own_numbers() {
    let karma = |statements| coverage((11, 13), portion(5, 6), portion(4, 6), statements);
    assert_eq!(fixture("karma/lcov.info"), karma(None));
    assert_eq!(fixture("karma/cobertura-coverage.xml"), karma(None));
    assert_eq!(fixture("karma/coverage-final.json"), karma(portion(14, 18)));
    assert_eq!(
        fixture("karma/coverage-summary.json"),
        karma(portion(14, 18))
    );
    let mocha = |statements| coverage((2, 2), portion(2, 4), portion(1, 2), statements);
    assert_eq!(fixture("mocha/lcov.info"), mocha(None));
    assert_eq!(fixture("mocha/clover.xml"), mocha(portion(2, 2)));
    let pytest = |functions| coverage((8, 11), portion(4, 6), functions, None);
    assert_eq!(fixture("pytest/lcov.info"), pytest(portion(1, 2)));
    assert_eq!(fixture("pytest/coverage.xml"), pytest(None));
    let vitest = |statements| coverage((2, 2), portion(3, 3), portion(1, 2), statements);
    assert_eq!(fixture("vitest/lcov.info"), vitest(None));
    assert_eq!(fixture("vitest/cobertura-coverage.xml"), vitest(None));
    assert_eq!(
        fixture("vitest/coverage-summary.json"),
        vitest(portion(2, 2))
    );
}

#[test]
fn takes_one_report_of_a_directory_and_the_statements_of_another() {
    assert_eq!(
        fixture("karma"),
        coverage((11, 13), portion(5, 6), portion(4, 6), portion(14, 18))
    );
    assert_eq!(fixture("pytest").statements, None);
}

fn of(name: &str, text: &str) -> anyhow::Result<Coverage> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    Ok(measure(&path)?.unwrap().coverage())
}

#[test]
fn counts_a_file_once_that_several_runs_covered() {
    let lcov = "SF:a\nDA:1,1\nDA:2,0\nFNDA:0,f\nBRDA:1,0,x,y,-\nend_of_record\n\
                SF:a\nDA:1,0\nDA:2,3\nDA:3,0\nFNDA:2,f\nBRDA:1,0,x,y,1\nend_of_record\nSF:b\nLF:3\nLH:3\n";
    assert_eq!(
        of("lcov.info", lcov).unwrap(),
        coverage((5, 6), portion(1, 1), portion(1, 1), None)
    );
}

#[test]
fn reads_jacoco() {
    let xml = r#"<report name="x"><package name="p"><sourcefile name="A.java">
        <line nr="3" mi="0" ci="2" mb="1" cb="1"/><line nr="4" mi="2" ci="0" mb="0" cb="0"/></sourcefile></package></report>"#;
    assert_eq!(
        of("jacoco.xml", xml).unwrap(),
        coverage((1, 2), portion(1, 2), None, None)
    );
}

#[test]
fn refuses_what_cannot_be_relied_on() {
    for (name, text, message) in [
        ("lcov.info", "SF:a\nDA:x,1\n", "line 2 is `DA:x,1`"),
        (
            "c.xml",
            "<coverage><packages>",
            "it ends before its last element does",
        ),
        (
            "c.xml",
            "<html/>",
            "it is XML, but neither Cobertura nor Clover nor JaCoCo",
        ),
        ("c.json", "{}", "it names no source file"),
    ] {
        let error = of(name, text).unwrap_err();
        let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
        assert!(
            chain[0].starts_with("cannot read the coverage report "),
            "{chain:?}"
        );
        assert_eq!(chain[1], message);
    }
    assert!(of("c.json", "{\"a\": {").is_err());
    assert!(of("c.bin", "\0\0").is_err());
}
