//! What holds for every runtime.

use std::path::Path;
use std::time::Duration;

use task_runtime::{
    Capability, EventKind, Exit, LimitedResource, PortMapping, ResourceLimit, Stream, Variables,
};

use crate::bench::{Bench, benches, get, strings};

/// Long: whoever waits for it does so in vain.
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn serves_through_the_mapped_port() {
    for bench in benches() {
        let mut container = bench.container(&["serve", "8080"]);
        container.ports = vec![PortMapping::dynamic(8080)];
        let trial = bench.start(container);
        trial.said("app", "listening");
        for round in 0..20 {
            let path = format!("/round/{round}");
            assert_eq!(
                get(trial.port(0), &path).unwrap(),
                format!("GET {path} HTTP/1.0\n")
            );
        }
    }
}

#[test]
fn passes_argv_environment_and_working_directory_exactly() {
    for bench in benches() {
        let mut container = bench.container(&["show", "two words", "", "$HOME", "ünï"]);
        container.env = Variables(vec![
            ("B".to_owned(), "1=2".to_owned()),
            ("A".to_owned(), String::new()),
        ]);
        container.workdir = "/srv/new directory".to_owned();
        let cwd = match bench.runtime.capability() {
            Capability::Process {
                change_root: false, ..
            } => {
                format!(
                    "{}/containers/app/root/srv/new directory",
                    bench.spec(Vec::new()).directory.display()
                )
            }
            _ => "/srv/new directory".to_owned(),
        };
        let shown = bench.output(container);
        let (before_ids, _) = shown.rsplit_once("ids ").unwrap();
        let argv = "arg /bin/task\narg show\narg two words\narg \narg $HOME\narg ünï\n";
        assert_eq!(before_ids, format!("{argv}env A=\nenv B=1=2\ncwd {cwd}\n"));
    }
}

#[test]
fn finds_the_program_in_the_path_and_adds_usual_variables_where_asked() {
    for bench in benches() {
        let mut container = bench.container(&[]);
        container.argv = strings(&["task", "show"]);
        container.usual_variables = true;
        container.env = Variables(vec![("HOME".to_owned(), "/mine".to_owned())]);
        let shown = bench.output(container);
        let environment: Vec<&str> = shown
            .lines()
            .filter(|line| line.starts_with("env "))
            .collect();
        assert_eq!(
            environment,
            [
                "env HOME=/mine",
                "env HOSTNAME=0123456789ab",
                "env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ]
        );
    }
}

#[test]
fn keeps_every_line_of_both_streams() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["say"]));
        assert_eq!(trial.exit("app"), Exit::Code(0));
        assert_eq!(
            trial.text("app", Stream::Stdout),
            "to stdout\nno line end\n"
        );
        assert_eq!(trial.text("app", Stream::Stderr), "to stderr\n");
    }
}

#[test]
fn reports_how_a_program_ended() {
    for bench in benches() {
        for (words, exit, code) in [
            (&["exit", "0"][..], Exit::Code(0), 0),
            (&["exit", "41"], Exit::Code(41), 41),
            (&["abort"], Exit::Signal(6), 134),
        ] {
            let trial = bench.start(bench.container(words));
            assert_eq!(trial.exit("app"), exit);
            assert_eq!(exit.code(), code);
            trial.task().wait().unwrap();
            assert_eq!(trial.events().last(), Some(&EventKind::Finished));
            assert!(!trial.task().is_alive().unwrap());
        }
    }
}

#[test]
fn stops_a_program_that_listens() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["wait", "7"]));
        trial.said("app", "ready");
        trial.task().stop(None, LONG).unwrap();
        assert_eq!(trial.exit("app"), Exit::Code(7));
    }
}

#[test]
fn stops_with_the_signal_of_the_image() {
    for bench in benches() {
        let mut container = bench.container(&["stubborn"]);
        container.stop_signal = "QUIT".parse().unwrap();
        let trial = bench.start(container);
        trial.said("app", "ready");
        trial.task().stop(Some("app"), LONG).unwrap();
        assert_eq!(trial.exit("app"), Exit::Signal(3));
    }
}

#[test]
fn kills_a_program_that_does_not_listen() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["stubborn"]));
        trial.said("app", "ready");
        // The second request shortens the first one's grace.
        trial.task().stop(None, LONG).unwrap();
        trial.task().stop(None, SHORT).unwrap();
        assert_eq!(trial.exit("app").code(), 137);
    }
}

#[test]
fn says_why_a_program_cannot_be_executed() {
    for bench in benches() {
        let cases = [
            (
                "/bin/absent",
                "exec: \"/bin/absent\": stat /bin/absent: no such file or directory",
            ),
            (
                "absent",
                "exec: \"absent\": executable file not found in $PATH",
            ),
            ("/etc/passwd", "exec: \"/etc/passwd\": permission denied"),
            ("/bin", "exec: \"/bin\": is a directory"),
        ];
        for (program, message) in cases {
            let mut container = bench.container(&[]);
            container.argv = strings(&[program]);
            let trial = bench.start(container);
            assert_eq!(trial.failure(), message);
            trial.task().wait().unwrap();
            assert_eq!(trial.events().last(), Some(&EventKind::Finished));
        }
    }
}

#[test]
fn refuses_a_user_that_the_image_lacks() {
    for bench in benches() {
        let mut container = bench.container(&["show"]);
        container.user = "ghost".to_owned();
        let message = "unable to find user ghost: no matching entries in passwd file";
        assert_eq!(bench.start(container).failure(), message);
    }
}

#[test]
fn reaps_orphans() {
    for bench in benches() {
        if sees_proc(&bench) {
            assert_eq!(
                bench.output(bench.container(&["orphans", "20"])),
                "no zombies\n"
            );
        }
    }
}

#[test]
fn ends_what_a_program_leaves_behind() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["abandon"]));
        assert_eq!(trial.exit("app"), Exit::Code(0));
        trial.task().wait().unwrap();
        if let Capability::Process { .. } = bench.runtime.capability() {
            let left = trial.text("app", Stream::Stdout);
            let pid = left.trim().strip_prefix("left ").unwrap();
            assert!(!Path::new("/proc").join(pid).exists(), "{left}");
        }
    }
}

#[test]
fn runs_commands_in_a_running_container() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["wait", "0"]));
        trial.started("app");
        let exec = |words: &[&str], timeout| {
            let argv = strings(&[&["/bin/task"], words].concat());
            trial.task().exec("app", &argv, timeout)
        };
        let outcome = exec(&["exit", "3"], LONG).unwrap();
        assert_eq!(
            (outcome.exit, outcome.output.as_str()),
            (Some(Exit::Code(3)), "")
        );
        let outcome = exec(&["say"], LONG).unwrap();
        assert_eq!(outcome.exit, Some(Exit::Code(0)));
        assert_eq!(outcome.output, "to stdout\nto stderr\nno line end");
        let outcome = exec(&["stubborn"], SHORT).unwrap();
        assert_eq!(outcome.exit, None);
        let refusal = trial
            .task()
            .exec("app", &strings(&["/bin/absent"]), LONG)
            .unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "exec: \"/bin/absent\": stat /bin/absent: no such file or directory"
        );
        let refusal = trial
            .task()
            .exec("other", &strings(&["/bin/task"]), LONG)
            .unwrap_err();
        assert_eq!(refusal.to_string(), "the task has no container `other`");
        // The program itself runs on, whatever the commands did.
        trial.task().stop(None, LONG).unwrap();
        assert_eq!(trial.exit("app"), Exit::Code(0));
    }
}

#[test]
fn lowers_a_limit_that_the_host_does_not_allow_and_says_so() {
    for bench in benches() {
        let mut container = bench.container(&["read", "/proc/self/limits"]);
        container.limits = vec![
            ResourceLimit {
                resource: LimitedResource::Nofile,
                soft: 77,
                hard: 99,
            },
            ResourceLimit {
                resource: LimitedResource::Core,
                soft: 0,
                hard: 0,
            },
        ];
        if sees_proc(&bench) {
            let limits = bench.output(container);
            let line = |name: &str| {
                limits
                    .lines()
                    .find(|line| line.starts_with(name))
                    .unwrap()
                    .to_owned()
            };
            assert_eq!(
                line("Max open files")
                    .split_whitespace()
                    .collect::<Vec<_>>()[3..5],
                ["77", "99"]
            );
            assert_eq!(
                line("Max core file size")
                    .split_whitespace()
                    .collect::<Vec<_>>()[4..6],
                ["0", "0"]
            );
        }
    }
}

#[test]
fn has_a_null_device() {
    for bench in benches() {
        assert_eq!(
            bench.output(bench.container(&["put", "/dev/null", "x"])),
            "written\n"
        );
    }
}

/// With a root of its own but no mounts, a plain process has no `/proc`.
fn sees_proc(bench: &Bench) -> bool {
    !matches!(
        bench.runtime.capability(),
        Capability::Process {
            change_root: true,
            ..
        }
    )
}

#[test]
fn starts_a_container_when_told_to() {
    for bench in benches() {
        let first = bench.container(&["exit", "5"]);
        let mut second = bench.container(&["wait", "6"]);
        second.name = "second".to_owned();
        second.starts_with_task = false;
        let trial = bench.start_spec(&bench.spec(vec![first, second]));
        assert_eq!(trial.exit("app"), Exit::Code(5));
        let started = |name: &str| {
            trial.events().iter().any(
                |event| matches!(event, EventKind::Started { container, .. } if container == name),
            )
        };
        assert!(started("app") && !started("second") && trial.task().is_alive().unwrap());
        trial.task().start_container("second").unwrap();
        let refusal = trial.task().start_container("second").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "container `second` has started already"
        );
        trial.said("second", "ready");
        trial.task().stop(None, LONG).unwrap();
        assert_eq!(trial.exit("second"), Exit::Code(6));
        trial.task().wait().unwrap();
    }
}

#[test]
fn never_starts_a_container_of_a_stopped_task() {
    for bench in benches() {
        let mut container = bench.container(&["exit", "0"]);
        container.starts_with_task = false;
        let trial = bench.start(container);
        trial.task().stop(None, LONG).unwrap();
        trial.task().wait().unwrap();
        assert!(matches!(
            trial.events().as_slice(),
            [EventKind::Created { .. }, EventKind::Finished]
        ));
        assert!(trial.task().start_container("app").is_err());
    }
}

#[test]
fn leaves_nothing_when_removed() {
    for bench in benches() {
        let trial = bench.start(bench.container(&["put", "/file", "text"]));
        assert!(trial.task().clone().remove().is_err() || !trial.task().is_alive().unwrap());
        trial.task().wait().unwrap();
        let directory = trial.task().directory().to_owned();
        trial.task().clone().remove().unwrap();
        assert!(!directory.exists());
        assert!(
            !bench.image.join("file").exists(),
            "the image was written to"
        );
    }
}
