//! `cargo xtask check`: everything that must hold before a commit, in one command, with one count.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use contract::exit;
use toolkit::process::Invocation;
use toolkit::{Console, Fault};

use crate::clients;
use crate::new::npm_projects;
use crate::pipeline::child;
use crate::tools;

/// Programs that no registry of packages for Rust, Python or Node has, and the tests that want them.
const OPTIONAL: [(&str, &str); 6] = [
    ("age", "decrypting an environment's file with age"),
    ("docker", "reading an env file back with docker"),
    (
        "docker-compose",
        "reading an environment back with Compose, unless docker has it as a plugin",
    ),
    ("node", "reading an environment back with node and dotenv"),
    ("skopeo", "copying an image out of the registry"),
    ("sops", "decrypting an environment's file with sops"),
];

/// What to check.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Leave out formatting, lints and documentation: only the tests
    #[arg(long)]
    tests_only: bool,
}

/// The numbers at the end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

struct Checker<'a> {
    console: &'a Console,
    workspace: &'a Path,
    count: Count,
    broken: Vec<String>,
}

/// Runs every check, also after one has failed, and ends with the count of tests.
pub(crate) fn run(check: &Check) -> anyhow::Result<u8> {
    let console = Console::from_environment();
    let workspace = tools::workspace().ok_or_else(|| {
        Fault::usage("check works only in a checkout").with_hint("run it as `cargo xtask check`")
    })?;
    let mut checker = Checker {
        console: &console,
        workspace: &workspace,
        count: Count::default(),
        broken: Vec::new(),
    };
    if !check.tests_only {
        checker.sources();
    }
    checker.behaviour();
    Ok(checker.conclude())
}

fn cargo(directory: &Path, arguments: &[&str]) -> Invocation {
    crate::cargo::call(directory).args(arguments)
}

impl Checker<'_> {
    /// What can be said without running anything: formatting, lints, documentation.
    fn sources(&mut self) {
        let template = self.template();
        let format = ["fmt", "--all", "--check"];
        self.must_pass("format", &cargo(self.workspace, &format));
        self.must_pass("format of the template", &cargo(&template, &format));
        let strict = ["--all-targets", "--locked", "--", "-D", "warnings"];
        let lints = cargo(self.workspace, &["clippy", "--workspace"]).args(strict);
        self.must_pass("lints", &lints);
        self.must_pass(
            "lints of the template",
            &cargo(&template, &["clippy"]).args(strict),
        );
        let pages = [
            "doc",
            "--workspace",
            "--no-deps",
            "--locked",
            "--document-private-items",
        ];
        let documentation = cargo(self.workspace, &pages).env(
            "RUSTDOCFLAGS",
            "-D warnings -A rustdoc::private_intra_doc_links",
        );
        self.must_pass("documentation", &documentation);
    }

    /// The tests of the template, of every crate, and of the whole.
    fn behaviour(&mut self) {
        let programs = ["build", "--workspace", "--bins", "--locked"];
        self.must_pass("programs", &cargo(self.workspace, &programs));
        let everything = ["test", "--locked", "--no-fail-fast"];
        self.tests(
            "tests of the template",
            &cargo(&self.template(), &everything),
        );
        self.npm_templates();
        let mut tests = cargo(self.workspace, &everything).arg("--workspace");
        if let Some(clients) = self.clients() {
            tests = tests.env("LONGSHORE_AWS_CLIENTS", clients);
        }
        self.say_what_is_skipped();
        self.tests("tests", &tests);
    }

    /// Projects made from the templates in TypeScript, tested by their own Vitest, whose reports test-reporter reads.
    fn npm_templates(&mut self) {
        let made = std::env::current_exe()
            .context("cannot tell where this program is")
            .and_then(|program| {
                let projects = npm_projects(&self.workspace.join("target/templates"))?;
                Ok((projects, program.with_file_name("test-reporter")))
            });
        let (projects, reporter) = match made {
            Ok(made) => made,
            Err(error) => {
                self.console.error(&format!("templates: {error:#}"));
                self.broken.push("templates".to_owned());
                return;
            }
        };
        for (template, project) in projects {
            let install = Invocation::new("npm")
                .args(["ci", "--no-audit", "--no-fund"])
                .current_dir(&project);
            self.console
                .status(&format!("── packages of {template}: {install}"));
            if !install.status().is_ok_and(|status| status.success()) {
                self.console.warning(&format!(
                    "SKIPPED the tests of {template}: npm is missing, or it cannot reach its packages"
                ));
                continue;
            }
            let tests = Invocation::new(&reporter)
                .args(["--report", "reports/junit.xml", "--coverage", "coverage"])
                .args(["--minimum", "20", "--minimum-coverage", "80"])
                .args(["--output", "reports/test-report.json"])
                .args(["--", "npm", "run", "test:ci"])
                .current_dir(&project);
            self.must_pass(&format!("tests of {template}"), &tests);
        }
    }

    /// Tests that need a program of somebody else pass without it, and nobody sees their own line about it.
    fn say_what_is_skipped(&self) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        for (program, tests) in OPTIONAL {
            if !std::env::split_paths(&path).any(|directory| directory.join(program).is_file()) {
                let line = format!("SKIPPED {tests}: {program} is not installed");
                self.console.warning(&line);
            }
        }
    }

    fn template(&self) -> PathBuf {
        self.workspace.join("templates/rust-api")
    }

    fn must_pass(&mut self, name: &str, call: &Invocation) {
        let begun = Instant::now();
        self.console.status(&format!("── {name}: {call}"));
        let passed = call.status().is_ok_and(|status| status.success());
        self.verdict(name, passed, begun);
    }

    /// Runs tests and adds what cargo's test programs say at their end.
    fn tests(&mut self, name: &str, call: &Invocation) {
        let begun = Instant::now();
        self.console.status(&format!("── {name}: {call}"));
        let count = Mutex::new(Count::default());
        let status = child::run(call, &|line| {
            self.console.status(line);
            if let (Some(more), Ok(mut count)) = (counted(line), count.lock()) {
                count.passed += more.passed;
                count.failed += more.failed;
            }
        });
        let count = count.into_inner().unwrap_or_default();
        self.count.passed += count.passed;
        self.count.failed += count.failed;
        // A test program that was killed says no number.
        let passed = status.is_ok_and(|status| status.success());
        if !passed && count.failed == 0 {
            self.count.failed += 1;
        }
        self.verdict(name, passed, begun);
    }

    fn verdict(&mut self, name: &str, passed: bool, begun: Instant) {
        let seconds = begun.elapsed().as_secs();
        if passed {
            self.console
                .success(&format!("── {name}: passed in {seconds} s"));
        } else {
            self.console
                .error(&format!("{name}: failed after {seconds} s"));
            self.broken.push(name.to_owned());
        }
    }

    /// The directory of other people's programs, which some tests drive.
    fn clients(&self) -> Option<PathBuf> {
        match clients::ready(self.console, self.workspace) {
            Ok(directory) => Some(directory),
            Err(error) => {
                self.console.warning(&format!(
                    "SKIPPED the tests with the AWS CLI and boto3: {error:#}"
                ));
                None
            }
        }
    }

    fn conclude(self) -> u8 {
        let Count { passed, failed } = self.count;
        for name in &self.broken {
            self.console.error(&format!("{name} did not pass"));
        }
        self.console
            .status(&format!("{passed} passed, {failed} failed"));
        if self.broken.is_empty() {
            exit::DONE
        } else {
            exit::FAILED
        }
    }
}

/// The numbers in a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
fn counted(line: &str) -> Option<Count> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        numbers
            .split("; ")
            .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
    };
    Some(Count {
        passed: number("passed")?,
        failed: number("failed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_a_test_program_says() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(
            counted(line),
            Some(Count {
                passed: 12,
                failed: 3
            })
        );
        assert_eq!(counted("test tests::x ... ok"), None);
    }
}
