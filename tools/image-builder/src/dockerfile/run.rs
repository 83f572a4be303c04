//! RUN: what it runs, and what it mounts while it does.

use super::lines::Document;
use super::words::json;
use super::{Command, Flags};

/// A RUN instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) command: Command,
    /// Here-documents, which are the shell's business.
    pub(crate) documents: Vec<Document>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) network: Network,
}

/// `--network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Network {
    /// The host's.
    Host,
    /// Nothing but a loopback interface.
    None,
}

/// `--mount`: something that is there while the command runs, and in no layer. Texts have variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) kind: MountKind,
    /// A stage or an image; the build context if it is missing.
    pub(crate) from: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) target: Option<String>,
    /// Of a cache, a secret or an agent's socket.
    pub(crate) id: Option<String>,
    pub(crate) required: bool,
    pub(crate) is_writable: bool,
    pub(crate) mode: Option<u32>,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// Bytes of a tmpfs.
    pub(crate) size: Option<u64>,
    /// The variable that a secret is in, instead of a file or beside one.
    pub(crate) variable: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MountKind {
    Bind,
    Cache,
    Tmpfs,
    Secret,
    Ssh,
}

/// Reads what stands after RUN.
pub(crate) fn run(mut flags: Flags, rest: &str, documents: Vec<Document>) -> Result<Run, String> {
    let mounts = flags
        .take_all("mount")
        .iter()
        .map(|text| mount(text))
        .collect::<Result<_, _>>()?;
    let network = match flags.take("network").as_deref() {
        None | Some("default" | "host") => Network::Host,
        Some("none") => Network::None,
        Some(other) => {
            return Err(format!("--network is default, none or host, not {other}"));
        }
    };
    match flags.take("security").as_deref() {
        None | Some("sandbox") => {}
        Some(other) => {
            return Err(format!(
                "RUN --security={other} is not supported: commands of a build get no rights on this machine"
            ));
        }
    }
    flags.finish(&["device"])?;
    let command = match json(rest)? {
        Some(words) if words.is_empty() => return Err("RUN needs a command".to_owned()),
        Some(words) => Command::Exec(words),
        None if rest.is_empty() => return Err("RUN needs a command".to_owned()),
        None => Command::Shell(rest.to_owned()),
    };
    Ok(Run {
        command,
        documents,
        mounts,
        network,
    })
}

/// One `--mount`: `type=…,name=value,…` in the form of a line of CSV.
fn mount(text: &str) -> Result<Mount, String> {
    let mut mount = Mount {
        kind: MountKind::Bind,
        from: None,
        source: None,
        target: None,
        id: None,
        required: false,
        is_writable: false,
        mode: None,
        uid: 0,
        gid: 0,
        size: None,
        variable: None,
    };
    let mut read_only = None;
    let fields = fields(text)?;
    for (name, value) in &fields {
        if name == "type" {
            mount.kind = kind(value.as_deref().unwrap_or_default())?;
        }
    }
    for (name, value) in &fields {
        match name.as_str() {
            "readonly" | "ro" => read_only = Some(switch(name, value.as_deref())?),
            "readwrite" | "rw" => read_only = Some(!switch(name, value.as_deref())?),
            _ => mount.set(name, value.as_deref())?,
        }
    }
    // Caches are to be filled, everything else is to be looked at.
    mount.is_writable = match read_only {
        Some(read_only) => !read_only,
        None => matches!(mount.kind, MountKind::Cache | MountKind::Tmpfs),
    };
    if mount.target.is_none()
        && matches!(
            mount.kind,
            MountKind::Bind | MountKind::Cache | MountKind::Tmpfs
        )
    {
        return Err("--mount needs a target".to_owned());
    }
    Ok(mount)
}

impl Mount {
    fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let text = || {
            value
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
                .ok_or_else(|| format!("--mount: {name} needs a value"))
        };
        match name {
            "type" => {}
            "from" => self.from = Some(text()?),
            "source" | "src" => self.source = Some(text()?),
            "target" | "dst" | "destination" => self.target = Some(text()?),
            "id" => self.id = Some(text()?),
            "env" if self.kind == MountKind::Secret => self.variable = Some(text()?),
            "required" => self.required = switch(name, value)?,
            "mode" => {
                let text = text()?;
                self.mode = Some(u32::from_str_radix(&text, 8).map_err(|_invalid| {
                    format!("--mount: mode takes an octal number, not {text}")
                })?);
            }
            "uid" => self.uid = number(name, &text()?)?,
            "gid" => self.gid = number(name, &text()?)?,
            "size" => self.size = Some(bytes(&text()?)?),
            // One build at a time uses a layout and its caches.
            "sharing" if ["shared", "private", "locked"].contains(&text()?.as_str()) => {}
            "sharing" => return Err("--mount: sharing is shared, private or locked".to_owned()),
            _ => return Err(format!("--mount has no field {name}")),
        }
        Ok(())
    }
}

fn switch(name: &str, value: Option<&str>) -> Result<bool, String> {
    value.map_or(Ok(true), |value| {
        value
            .parse()
            .map_err(|_invalid| format!("--mount: {name} is true or false, not {value}"))
    })
}

fn kind(text: &str) -> Result<MountKind, String> {
    match text {
        "bind" => Ok(MountKind::Bind),
        "cache" => Ok(MountKind::Cache),
        "tmpfs" => Ok(MountKind::Tmpfs),
        "secret" => Ok(MountKind::Secret),
        "ssh" => Ok(MountKind::Ssh),
        other => Err(format!(
            "--mount: type is bind, cache, tmpfs, secret or ssh, not {other}"
        )),
    }
}

fn number(name: &str, text: &str) -> Result<u64, String> {
    text.parse::<u32>()
        .map(u64::from)
        .map_err(|_invalid| format!("--mount: {name} takes a number, not {text}"))
}

/// `64m`, `1g` or a number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let bare = lower.trim_end_matches('b');
    let (digits, unit) = match bare.char_indices().last() {
        Some((at, 'k')) => (&bare[..at], 10),
        Some((at, 'm')) => (&bare[..at], 20),
        Some((at, 'g')) => (&bare[..at], 30),
        _ => (bare, 0),
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(1 << unit))
        .ok_or_else(|| format!("--mount: size takes a number of bytes such as 64m, not {text}"))
}

/// Fields between commas; one in double quotes may have commas in it.
fn fields(text: &str) -> Result<Vec<(String, Option<String>)>, String> {
    let mut found = Vec::new();
    let mut field = String::new();
    let mut is_quoted = false;
    for c in text.chars().chain([',']) {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                let (name, value) = match field.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (field.as_str(), None),
                };
                if name.is_empty() {
                    return Err(format!("--mount={text} has an empty field"));
                }
                found.push((name.to_ascii_lowercase(), value));
                field.clear();
            }
            c => field.push(c),
        }
    }
    if is_quoted {
        return Err(format!("--mount={text} has a quote without an end"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_mounts() {
        let cache = mount("type=cache,target=/root/.cache,id=x,mode=0700,uid=5").unwrap();
        assert_eq!(
            (cache.kind, cache.is_writable, cache.mode, cache.uid),
            (MountKind::Cache, true, Some(0o700), 5)
        );
        let bind = mount("target=/src,\"source=a,b\",from=files,rw").unwrap();
        assert_eq!(
            (bind.kind, bind.is_writable, bind.source.as_deref()),
            (MountKind::Bind, true, Some("a,b"))
        );
        assert_eq!(
            mount("type=tmpfs,target=/t,size=64m").unwrap().size,
            Some(64 << 20)
        );
        for (text, problem) in [
            (
                "type=x",
                "--mount: type is bind, cache, tmpfs, secret or ssh, not x",
            ),
            ("type=cache", "--mount needs a target"),
            ("type=secret,x=1", "--mount has no field x"),
            (
                "type=cache,target=/a,mode=9",
                "--mount: mode takes an octal number, not 9",
            ),
        ] {
            assert_eq!(mount(text).unwrap_err(), problem, "{text}");
        }
    }
}
