//! Project files with mistakes.

use crate::support::Project;

#[test]
fn reports_five_mistakes_at_once_and_changes_nothing() {
    let project = Project::new("1");
    project.write(
        "longshore.toml",
        "\
[app]
name = \"Ludlow\"
region = \"us-east-1\"
[services.api]
prot = 8080
count = \"two\"
launch = \"lambda\"
after = [\"migrate\"]
[environments.local]
aws = \"local\"
",
    );
    let outcome = project.deploy();
    assert_eq!(outcome.code, 2);
    assert_eq!(outcome.stdout, "");
    assert_eq!(
        outcome.stderr,
        "\
error: 5 mistakes in longshore.toml
  longshore.toml:2:8: app.name may only have lower-case letters, digits and hyphens, from a letter on; write \"ludlow\"
  longshore.toml:5:1: unknown key \"prot\" in [services.api]; did you mean \"port\"?
  longshore.toml:6:9: services.api.count must be a whole number, not a text; write count = 1
  longshore.toml:7:10: services.api.launch cannot be \"lambda\"; write \"ec2\" or \"fargate\"
  longshore.toml:8:1: services.api.after names \"migrate\", which is neither a service nor a task; add [tasks.migrate] or leave it out
hint: nothing was changed; correct the file and run it again
"
    );
    assert!(!project.path().join(".longshore").exists());
}

#[test]
fn names_the_environments_that_there_are() {
    let project = Project::new("1");
    let outcome = project.xtask(&["deploy", "--env", "prod"]);
    assert_eq!(outcome.code, 2);
    assert_eq!(
        outcome.stderr,
        "error: longshore.toml has no environment \"prod\"; it has local\n"
    );
}
