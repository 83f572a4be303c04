//! The step before a container's program: root, working directory, limits, rights and user, then `exec`.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, chdir, chroot, setgid, setgroups, setuid};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

use super::wire::{FromProgram, Place, Program, take_channel};
use crate::control::{receive, send};
use crate::event::Stage;
use crate::failure::{Failure, failed, reason};
use crate::ids::Ids;
use crate::root::{Missing, Root};
use crate::spec::{LimitedResource, ResourceLimit, Variables};
use crate::user::{Identity, UserSpec};

/// Where programs are looked for if the environment has no `PATH`.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// More than any `/etc/passwd` or `/etc/group` needs, in bytes.
const ACCOUNTS_LIMIT: u64 = 4 * 1024 * 1024;

/// Rights that root of a container keeps: Docker's and containerd's default. All are void outside its user namespace.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// Comes back only if the program could not be executed, or was not to be.
pub(super) fn run() -> i32 {
    let Ok(channel) = take_channel() else {
        return 1;
    };
    if send(&channel, &FromProgram::Loaded).is_err() {
        return 1;
    }
    match execute(&channel) {
        Ok(()) => 0,
        // Nobody listens any more: the container is being torn down.
        Err(failure) => i32::from(send(&channel, &FromProgram::Failed(failure)).is_err()) + 1,
    }
}

fn execute(channel: &UnixStream) -> Result<(), Failure> {
    // Keeps the container's own processes from this executable of the host's by way of /proc.
    prctl::set_dumpable(false).map_err(failed(Stage::Process, "close /proc to others"))?;
    let order: Option<Program> =
        receive(&mut BufReader::new(channel)).map_err(failed(Stage::Process, "read the order"))?;
    let Some(program) = order else { return Ok(()) };
    let files = program.enter()?;
    umask(Mode::from_bits_truncate(0o022));
    let identity = program.identity(&files)?;
    program.change_directory(&files)?;
    for warning in program.prepare(&identity)? {
        send(channel, &FromProgram::Warned(warning))
            .map_err(failed(Stage::Process, "report a warning"))?;
    }
    if program.probe {
        return Ok(());
    }
    // After the change of user, which would undo it.
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(failed(Stage::Process, "tie the program to its supervisor"))?;
    program.exec(&files, &identity)
}

/// Where the container's files are seen from this process.
struct Files {
    /// `/`, or the container's file system among the host's.
    base: PathBuf,
    root: Root,
}

impl Files {
    fn open(base: &Path) -> Result<Files, Failure> {
        let root = Root::open(base).map_err(failed(Stage::Process, "open the root directory"))?;
        Ok(Files {
            base: base.to_owned(),
            root,
        })
    }

    /// The host's path of a file that the container knows as `path`.
    fn file(&self, path: &Path) -> io::Result<PathBuf> {
        let (parent, name) = self.root.file(path, Missing::Refuse)?;
        Ok(self.base.join(parent.path).join(name))
    }

    fn accounts(&self, path: &str) -> Result<String, Failure> {
        let read = || -> io::Result<String> {
            let mut text = Vec::new();
            File::open(self.file(Path::new(path))?)?
                .take(ACCOUNTS_LIMIT)
                .read_to_end(&mut text)?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            other => other.map_err(failed(Stage::Process, format!("read {path}"))),
        }
    }
}

impl Program {
    fn enter(&self) -> Result<Files, Failure> {
        match &self.place {
            Place::Namespaces { join, .. } => {
                if let Some(pid) = join {
                    join_namespaces(*pid).map_err(failed(Stage::Process, "enter the container"))?;
                }
                chdir("/").map_err(failed(Stage::Process, "go to /"))?;
                Files::open(Path::new("/"))
            }
            Place::Process {
                root,
                change_root: true,
            } => {
                chroot(root).map_err(failed(Stage::Process, "change root"))?;
                chdir("/").map_err(failed(Stage::Process, "go to /"))?;
                Files::open(Path::new("/"))
            }
            Place::Process {
                root,
                change_root: false,
            } => Files::open(root),
        }
    }

    fn identity(&self, files: &Files) -> Result<Identity, Failure> {
        let (passwd, group) = (
            files.accounts("/etc/passwd")?,
            files.accounts("/etc/group")?,
        );
        UserSpec::parse(&self.user)
            .and_then(|user| user.resolve(&passwd, &group))
            .map_err(|problem| Failure {
                stage: Stage::Process,
                message: problem.to_string(),
            })
    }

    fn change_directory(&self, files: &Files) -> Result<(), Failure> {
        let problem = || format!("working directory {}", self.workdir.display());
        let located = files
            .root
            .directory(&self.workdir, Missing::Create)
            .map_err(failed(Stage::Process, problem()))?;
        chdir(&files.base.join(located.path)).map_err(failed(Stage::Process, problem()))
    }

    /// Limits, user and rights; the answer is what could not be had.
    fn prepare(&self, identity: &Identity) -> Result<Vec<String>, Failure> {
        let mut warnings = Vec::new();
        for limit in &self.limits {
            warnings.extend(limit.apply()?);
        }
        match &self.place {
            Place::Namespaces {
                single_id: true, ..
            } => become_single(identity)?,
            Place::Process { .. } if !Uid::effective().is_root() => {
                if !self.user.is_empty() {
                    warnings.push(format!(
                        "runs as user {} of the host instead of `{}`: only root can change the user",
                        Uid::effective(),
                        self.user
                    ));
                }
            }
            Place::Namespaces { .. } | Place::Process { .. } => {
                drop_rights()?;
                become_user(identity)?;
            }
        }
        if self.no_new_privileges {
            prctl::set_no_new_privs().map_err(failed(Stage::Process, "forbid new privileges"))?;
        }
        Ok(warnings)
    }

    fn exec(&self, files: &Files, identity: &Identity) -> Result<(), Failure> {
        let env = self.environment(identity);
        let path = self.find(files, &env)?;
        let mut command = Command::new(&path);
        command
            .arg0(&self.argv[0])
            .args(&self.argv[1..])
            .env_clear();
        command.envs(env.0.iter().map(|(name, value)| (name, value)));
        let error = command.exec();
        let hint = match error.kind() {
            io::ErrorKind::NotFound => " (its loader or interpreter is not in the image)",
            _ => "",
        };
        Err(Failure {
            stage: Stage::Exec,
            message: format!("exec: \"{}\": {}{hint}", self.argv[0], reason(&error)),
        })
    }

    fn environment(&self, identity: &Identity) -> Variables {
        let mut env = self.env.clone();
        if self.usual_variables {
            let usual = [
                ("PATH", USUAL_PATH),
                ("HOSTNAME", &self.hostname),
                ("HOME", &identity.home),
            ];
            for (name, value) in usual {
                if env.get(name).is_none() {
                    env.set(name, value);
                }
            }
        }
        env
    }

    /// The program's path as the kernel shall see it; texts as runc's, which people know from ECS.
    fn find(&self, files: &Files, env: &Variables) -> Result<PathBuf, Failure> {
        let name = &self.argv[0];
        let fail = |reason: String| Failure {
            stage: Stage::Exec,
            message: format!("exec: \"{name}\": {reason}"),
        };
        if name.contains('/') {
            let inside = self.workdir.join(name);
            let path = files
                .file(&inside)
                .map_err(|error| fail(format!("stat {name}: {}", reason(&error))))?;
            let metadata = fs::metadata(&path)
                .map_err(|error| fail(format!("stat {name}: {}", reason(&error))))?;
            if metadata.is_dir() {
                return Err(fail("is a directory".to_owned()));
            }
            return Ok(path);
        }
        env.get("PATH")
            .unwrap_or(USUAL_PATH)
            .split(':')
            .filter_map(|directory| files.file(&self.workdir.join(directory).join(name)).ok())
            .find(|path| is_executable(path))
            .ok_or_else(|| fail("executable file not found in $PATH".to_owned()))
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// All but the user namespace, which is shared already, and the process namespace, which only a parent can choose.
fn join_namespaces(pid: i32) -> io::Result<()> {
    let kinds = [
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("ipc", CloneFlags::CLONE_NEWIPC),
        ("cgroup", CloneFlags::CLONE_NEWCGROUP),
        ("mnt", CloneFlags::CLONE_NEWNS),
    ];
    let open = |(name, kind)| File::open(format!("/proc/{pid}/ns/{name}")).map(|file| (file, kind));
    let namespaces = kinds
        .into_iter()
        .map(open)
        .collect::<io::Result<Vec<_>>>()?;
    for (file, kind) in namespaces {
        setns(file, kind)?;
    }
    Ok(())
}

/// Whoever runs the task is the only user that the task can have. Another name for that user takes a user namespace.
fn become_single(identity: &Identity) -> Result<(), Failure> {
    if identity.uid != 0 || identity.gid != 0 {
        let problem = format!("become user {}:{}", identity.uid, identity.gid);
        unshare(CloneFlags::CLONE_NEWUSER).map_err(failed(Stage::Process, &problem))?;
        Ids::rename_single(identity.uid, identity.gid).map_err(failed(Stage::Process, &problem))?;
    }
    drop_rights()
}

fn become_user(identity: &Identity) -> Result<(), Failure> {
    let groups: Vec<Gid> = identity.groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups)
        .and_then(|()| setgid(Gid::from_raw(identity.gid)))
        .and_then(|()| setuid(Uid::from_raw(identity.uid)))
        .map_err(failed(
            Stage::Process,
            format!("become user {}:{}", identity.uid, identity.gid),
        ))
}

/// What leaves the bounding set can never be had again, set-user-id programs included.
fn drop_rights() -> Result<(), Failure> {
    for bit in 0..u64::BITS {
        let right = CapabilitySet::from_bits_retain(1 << bit);
        if KEPT.contains(right) {
            continue;
        }
        match remove_capability_from_bounding_set(right) {
            // Rights are numbered without gaps: the kernel knows no higher one.
            Err(rustix::io::Errno::INVAL) => break,
            other => other.map_err(failed(Stage::Process, "drop capabilities"))?,
        }
    }
    Ok(())
}

impl ResourceLimit {
    fn apply(&self) -> Result<Option<String>, Failure> {
        let resource = self.resource.kernel();
        let problem = || format!("limit {:?}", self.resource);
        let (_, highest) = getrlimit(resource).map_err(failed(Stage::Process, problem()))?;
        let hard = self.hard.min(highest);
        setrlimit(resource, self.soft.min(hard), hard)
            .map_err(failed(Stage::Process, problem()))?;
        let lowered = hard < self.hard;
        Ok(lowered.then(|| {
            format!(
                "limit {:?} is {hard} instead of {}: the host allows no more",
                self.resource, self.hard
            )
        }))
    }
}

impl LimitedResource {
    fn kernel(self) -> Resource {
        match self {
            LimitedResource::Core => Resource::RLIMIT_CORE,
            LimitedResource::Cpu => Resource::RLIMIT_CPU,
            LimitedResource::Data => Resource::RLIMIT_DATA,
            LimitedResource::Fsize => Resource::RLIMIT_FSIZE,
            LimitedResource::Locks => Resource::RLIMIT_LOCKS,
            LimitedResource::Memlock => Resource::RLIMIT_MEMLOCK,
            LimitedResource::Msgqueue => Resource::RLIMIT_MSGQUEUE,
            LimitedResource::Nice => Resource::RLIMIT_NICE,
            LimitedResource::Nofile => Resource::RLIMIT_NOFILE,
            LimitedResource::Nproc => Resource::RLIMIT_NPROC,
            LimitedResource::Rss => Resource::RLIMIT_RSS,
            LimitedResource::Rtprio => Resource::RLIMIT_RTPRIO,
            LimitedResource::Rttime => Resource::RLIMIT_RTTIME,
            LimitedResource::Sigpending => Resource::RLIMIT_SIGPENDING,
            LimitedResource::Stack => Resource::RLIMIT_STACK,
        }
    }
}
