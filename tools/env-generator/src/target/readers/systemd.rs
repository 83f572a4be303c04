//! The reader that systemd uses for `EnvironmentFile=`, called in the library that its programs share: what
//! manager and tools are made of, so no service manager need run.

use std::process::Command;

use super::{CASES, check, file, is_there, skipped, written};
use crate::target::systemd;

/// As the manager does it (exec_context_load_environment in systemd's src/core/execute.c): read the file, then
/// drop what is not valid. Prints nothing where there is no library.
const READ: &str = r#"
import ctypes, glob, json, sys
found = sorted(glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so") + glob.glob("/usr/lib/systemd/libsystemd-shared-*.so") + glob.glob("/lib/*/systemd/libsystemd-shared-*.so"))
if not found:
    sys.exit()
shared = ctypes.CDLL(found[-1])
lines = ctypes.POINTER(ctypes.c_char_p)()
if shared.load_env_file(None, sys.argv[1].encode(), ctypes.byref(lines)) < 0:
    sys.exit("systemd does not read the file")
clean = shared.strv_env_clean_with_callback
clean.restype = ctypes.POINTER(ctypes.c_char_p)
clean(lines, None, None)
read, at = {}, 0
while lines[at] is not None:
    name, value = lines[at].decode().split("=", 1)
    read[name] = value
    at += 1
print(json.dumps(read))
"#;

#[test]
fn systemd_reads_back_what_is_written() {
    if !is_there("python3") {
        return skipped("systemd", "no python3 to call it from");
    }
    let reader = |text: &str| {
        let file = file(text);
        let mut command = Command::new("python3");
        command.args(["-c", READ]).arg(file.path());
        (command, file)
    };
    let (mut trial, _file) = reader("A=1\n");
    let shown = trial.output().expect("python3 starts").stdout;
    if shown.is_empty() {
        return skipped("systemd", "its shared library is not installed");
    }
    let (taken, text) = written(CASES / 2, systemd::encode);
    let (mut command, _file) = reader(&text);
    check(&mut command, &taken);
}
