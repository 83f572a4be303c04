//! What namespaces add: files, processes, network and users of the task's own.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use task_runtime::{
    Capability, Exit, HostService, Ids, Mount, MountSource, PortMapping, StartError, Stream,
    Variables,
};

use crate::bench::{Bench, get, isolated, strings};

const LONG: Duration = Duration::from_secs(600);

#[test]
fn sees_only_its_own_files_and_processes() {
    let Some(bench) = isolated() else { return };
    let mut names: Vec<String> = bench
        .output(bench.container(&["list", "/"]))
        .lines()
        .map(str::to_owned)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [".", "..", "bin", "dev", "etc", "home", "proc", "sys"]
    );
    let processes = bench.output(bench.container(&["list", "/proc"]));
    let mut pids: Vec<u32> = processes
        .lines()
        .filter_map(|name| name.parse().ok())
        .collect();
    pids.sort_unstable();
    assert_eq!(pids, [1, 2]);
    // The image has no shell, no libraries, and no way to this directory.
    let here = bench.directory.path().to_str().unwrap();
    let trial = bench.start(bench.container(&["list", here]));
    assert_eq!(trial.exit("app"), Exit::Code(1));
    assert_eq!(
        trial.text("app", Stream::Stdout),
        format!("{here}: No such file or directory\n")
    );
}

#[test]
fn does_not_lead_to_the_host_by_way_of_its_first_process() {
    let Some(bench) = isolated() else { return };
    for path in [
        "/proc/1/root/etc/passwd",
        "/proc/1/exe",
        "/proc/1/environ",
        "/proc/1/fd/0",
    ] {
        let trial = bench.start(bench.container(&["read", path]));
        assert_eq!(trial.exit("app"), Exit::Code(1), "{path}");
        assert_eq!(
            trial.text("app", Stream::Stdout),
            format!("{path}: Permission denied\n")
        );
    }
}

#[test]
fn writes_to_a_layer_of_its_own() {
    let Some(bench) = isolated() else { return };
    let first = bench.start(bench.container(&["put", "/etc/passwd", "changed"]));
    assert_eq!(first.exit("app"), Exit::Code(0));
    let passwd = bench.output(bench.container(&["read", "/etc/passwd"]));
    assert!(passwd.starts_with("root:x:0:0:"), "{passwd}");
    assert!(
        fs::read_to_string(bench.image.join("etc/passwd"))
            .unwrap()
            .starts_with("root:x:0:0:")
    );
}

#[test]
fn has_devices_and_names() {
    let Some(bench) = isolated() else { return };
    let mut container = bench.container(&["put", "/dev/null", "x"]);
    container.hostname = Some("named".to_owned());
    assert_eq!(bench.output(container.clone()), "written\n");
    for (path, content) in [
        ("/etc/hostname", "named\n"),
        ("/proc/sys/kernel/hostname", "named\n"),
        (
            "/etc/hosts",
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n169.254.172.2\tnamed\n",
        ),
    ] {
        container.argv = vec!["/bin/task".to_owned(), "read".to_owned(), path.to_owned()];
        assert_eq!(bench.output(container.clone()), content);
    }
    assert_eq!(
        bench.output(bench.container(&["put", "/dev/shm/file", "x"])),
        "written\n"
    );
}

#[test]
fn keeps_few_rights() {
    let Some(bench) = isolated() else { return };
    let status = bench.output(bench.container(&["read", "/proc/self/status"]));
    let line = |name: &str| {
        status
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    // Docker's default set.
    assert_eq!(line("CapBnd"), "CapBnd:\t00000000a80425fb");
    assert_eq!(line("CapEff"), "CapEff:\t00000000a80425fb");
    assert_eq!(line("NoNewPrivs"), "NoNewPrivs:\t1");
}

#[test]
fn cannot_change_the_host_by_way_of_proc() {
    let Some(bench) = isolated() else { return };
    for path in [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/vm/overcommit_memory",
    ] {
        let trial = bench.start(bench.container(&["put", path, "x"]));
        assert_eq!(trial.exit("app"), Exit::Code(1), "{path}");
        let said = format!("{path}: Permission denied\n");
        assert_eq!(trial.text("app", Stream::Stdout), said);
    }
}

#[test]
fn is_nobody_on_the_host() {
    let Some(bench) = isolated() else { return };
    let container = bench.container(&["put", "/made", "x"]);
    let trial = bench.start(container);
    assert_eq!(trial.exit("app"), Exit::Code(0));
    let made = trial.task().directory().join("containers/app/upper/made");
    let owner = fs::metadata(made).unwrap().uid();
    match bench.runtime.capability().ids() {
        Ids::Shifted { base, .. } => assert_eq!(owner, base),
        Ids::Single => assert_eq!(owner, rustix::process::geteuid().as_raw()),
    }
}

fn ids(bench: &Bench, user: &str) -> String {
    let mut container = bench.container(&["show"]);
    container.user = user.to_owned();
    let shown = bench.output(container);
    shown
        .lines()
        .find_map(|line| line.strip_prefix("ids "))
        .unwrap()
        .to_owned()
}

#[test]
fn runs_as_the_user_of_the_image() {
    let Some(bench) = isolated() else { return };
    assert_eq!(
        ids(&bench, "123:456")
            .split(' ')
            .take(2)
            .collect::<Vec<_>>(),
        ["123", "456"]
    );
    match bench.runtime.capability().ids() {
        Ids::Shifted { .. } => {
            assert_eq!(ids(&bench, ""), "0 0");
            assert_eq!(ids(&bench, "app"), "1000 1001 1002");
            assert_eq!(ids(&bench, "1000"), "1000 1001 1002");
            assert_eq!(ids(&bench, "app:log"), "1000 1002");
        }
        // The host's groups stay, without names.
        Ids::Single => assert!(ids(&bench, "app").starts_with("1000 1001")),
    }
    let mut container = bench.container(&["read", "/home/app/secret"]);
    container.user = "app".to_owned();
    assert_eq!(bench.output(container), "the app's own\n");
}

#[test]
fn signals_and_joins_a_program_of_another_user() {
    let Some(bench) = isolated() else { return };
    let mut container = bench.container(&["wait", "4"]);
    container.user = "123:456".to_owned();
    let trial = bench.start(container);
    trial.said("app", "ready");
    trial.started("app");
    let shown = trial
        .task()
        .exec("app", &strings(&["/bin/task", "show"]), LONG)
        .unwrap();
    assert!(shown.output.contains("\nids 123 456"), "{}", shown.output);
    let listed = trial
        .task()
        .exec("app", &strings(&["/bin/task", "list", "/proc"]), LONG)
        .unwrap();
    let mut pids: Vec<u32> = listed
        .output
        .lines()
        .filter_map(|name| name.parse().ok())
        .collect();
    pids.sort_unstable();
    assert_eq!(pids[..2], [1, 2]);
    trial.task().stop(None, LONG).unwrap();
    assert_eq!(trial.exit("app"), Exit::Code(4));
}

#[test]
fn lets_a_user_listen_on_a_low_port() {
    let Some(bench) = isolated() else { return };
    let mut container = bench.container(&["serve", "80"]);
    container.user = "app".to_owned();
    container.ports = vec![PortMapping::dynamic(80)];
    let trial = bench.start(container);
    trial.said("app", "listening");
    assert_eq!(get(trial.port(0), "/").unwrap(), "GET / HTTP/1.0\n");
}

#[test]
fn does_not_reach_a_program_that_listens_on_loopback_only() {
    let Some(bench) = isolated() else { return };
    let mut container = bench.container(&["serve-locally", "8080"]);
    container.ports = vec![PortMapping::dynamic(8080)];
    let trial = bench.start(container);
    trial.said("app", "listening");
    assert_eq!(
        get(trial.port(0), "/").unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
}

#[test]
fn carries_each_direction_to_its_own_end() {
    let Some(bench) = isolated() else { return };
    let mut container = bench.container(&["swallow", "8080"]);
    container.ports = vec![PortMapping::dynamic(8080)];
    let trial = bench.start(container);
    trial.said("app", "listening");
    let mut connection = TcpStream::connect(trial.port(0)).unwrap();
    connection.write_all(&vec![1; 5_000_000]).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "5000000");
}

#[test]
fn containers_of_a_task_reach_each_other_on_localhost() {
    let Some(bench) = isolated() else { return };
    let mut server = bench.container(&["serve-locally", "8080"]);
    server.name = "server".to_owned();
    let client = bench.container(&["fetch", "127.0.0.1", "8080"]);
    let trial = bench.start_spec(&bench.spec(vec![server, client]));
    assert_eq!(trial.exit("app"), Exit::Code(0));
    assert!(trial.text("app", Stream::Stdout).ends_with("GET /peer\n"));
}

#[test]
fn reaches_the_services_of_the_host_that_it_was_given() {
    let Some(bench) = isolated() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let host = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection.write_all(b"from the host\n").unwrap();
    });
    let mut spec = bench.spec(vec![bench.container(&["fetch", "127.0.0.1", "4566"])]);
    spec.host_services = vec![HostService { port: 4566, target }];
    let trial = bench.start_spec(&spec);
    assert_eq!(trial.exit("app"), Exit::Code(0));
    assert_eq!(trial.text("app", Stream::Stdout), "from the host\n");
    host.join().unwrap();
}

#[test]
fn refuses_a_taken_port_and_leaves_nothing() {
    let Some(bench) = isolated() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken: SocketAddr = listener.local_addr().unwrap();
    let mut container = bench.container(&["serve", "8080"]);
    container.ports = vec![PortMapping {
        container_port: 8080,
        host_port: taken.port(),
        host_address: taken.ip(),
    }];
    let spec = bench.spec(vec![container]);
    match bench.runtime.start(&spec) {
        Err(StartError::Port { address, .. }) => assert_eq!(address, taken),
        other => panic!("{other:?}"),
    }
    assert!(!spec.directory.exists());
}

#[test]
fn mounts_what_the_spec_asks_for() {
    let Some(bench) = isolated() else { return };
    let outside = bench.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "the host's").unwrap();
    let mount = |target: &str, source, read_only| Mount {
        target: target.to_owned(),
        source,
        read_only,
    };
    let volume = || mount("/shared", MountSource::Volume("shared".to_owned()), false);
    let mut writer = bench.container(&["put", "/shared/file", "shared"]);
    writer.mounts = vec![volume()];
    writer.read_only_root = true;
    let mut reader = bench.container(&["read", "/shared/file"]);
    reader.name = "reader".to_owned();
    reader.user = "app".to_owned();
    reader.mounts = vec![volume()];
    reader.starts_with_task = false;
    let trial = bench.start_spec(&bench.spec(vec![writer, reader]));
    assert_eq!(trial.exit("app"), Exit::Code(0));
    trial.task().start_container("reader").unwrap();
    assert_eq!(trial.exit("reader"), Exit::Code(0));
    assert_eq!(trial.text("reader", Stream::Stdout), "shared\n");
    let cases: [(&[&str], &str); 5] = [
        (&["put", "/file", "x"], "/file: Read-only file system\n"),
        (&["put", "/tmpfs/file", "x"], "written\n"),
        (&["read", "/host/file"], "the host's\n"),
        (
            &["put", "/host/file", "x"],
            "/host/file: Read-only file system\n",
        ),
        (&["read", "/one"], "the host's\n"),
    ];
    for (words, said) in cases {
        let mut container = bench.container(words);
        container.read_only_root = true;
        container.mounts = vec![
            mount("/tmpfs", MountSource::Tmpfs { bytes: 1 << 20 }, false),
            mount("/host", MountSource::Host(outside.clone()), true),
            mount("/one", MountSource::Host(outside.join("file")), true),
        ];
        let trial = bench.start(container);
        trial.task().wait().unwrap();
        assert_eq!(
            trial.text("app", Stream::Stdout),
            said,
            "{words:?}{}",
            trial.story()
        );
    }
}

#[test]
fn copies_the_image_where_no_overlay_can_be_had() {
    let Some(bench) = isolated() else { return };
    let mut container = bench.container(&["read", "/home/app/secret"]);
    container.user = "app".to_owned();
    // The kernel refuses the same directory twice.
    container.layers = vec![bench.image.clone(), bench.image.clone()];
    let trial = bench.start(container);
    assert_eq!(trial.exit("app"), Exit::Code(0), "{}", trial.story());
    assert_eq!(trial.text("app", Stream::Stdout), "the app's own\n");
    let copied = trial
        .task()
        .directory()
        .join("containers/app/root/bin/task");
    assert!(copied.exists());
}

#[test]
fn keeps_secrets_out_of_its_directory() {
    let Some(bench) = isolated() else { return };
    let mut container = bench.container(&["wait", "0"]);
    container.env = Variables(vec![("KEY".to_owned(), "s3cr3t-value".to_owned())]);
    let trial = bench.start(container.clone());
    trial.said("app", "ready");
    assert_eq!(trial.story().matches("s3cr3t").count(), 0);
    assert!(
        !fs::read_to_string(trial.task().directory().join("task.json"))
            .unwrap()
            .contains("s3cr3t")
    );
    assert!(!format!("{container:?}").contains("s3cr3t"));
    assert_eq!(
        trial.task().spec().unwrap().containers[0].env.0,
        [("KEY".to_owned(), String::new())]
    );
    trial.task().stop(None, LONG).unwrap();
}

#[test]
fn uses_an_overlay_here() {
    let Some(bench) = isolated() else { return };
    // Not everywhere, but where this test has been seen to work it must go on working.
    let Capability::Namespaces { overlay, .. } = bench.runtime.capability() else {
        return;
    };
    if !overlay {
        println!(
            "SKIPPED: no overlay on the file system of {}",
            bench.directory.path().display()
        );
        return;
    }
    let trial = bench.start(bench.container(&["exit", "0"]));
    trial.task().wait().unwrap();
    assert_eq!(
        fs::read_dir(trial.task().directory().join("containers/app/root"))
            .unwrap()
            .count(),
        0
    );
}
