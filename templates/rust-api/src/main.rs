use std::process::ExitCode;

// A release goes into an image without a C library, where a dynamic binary cannot start.
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    not(debug_assertions),
    not(target_feature = "crt-static")
))]
compile_error!(
    "this release would not be static: build in this directory, and keep RUSTFLAGS out of the \
     environment, because it replaces the flags of .cargo/config.toml"
);

fn main() -> ExitCode {
    service::run(std::env::args_os().skip(1), |name| std::env::var_os(name))
}
