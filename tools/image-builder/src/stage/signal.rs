//! STOPSIGNAL.

/// The signals of Linux that have names, without `SIG`.
const NAMES: [&str; 35] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "UNUSED",
];

/// Whether a runtime can send it: a name with or without `SIG`, a real-time signal, or a number.
pub(crate) fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<u8>() {
        return (1..=64).contains(&number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    NAMES.contains(&name) || is_real_time(name)
}

fn is_real_time(name: &str) -> bool {
    let offset = |text: &str, most: u8| {
        text.is_empty()
            || text[1..]
                .parse::<u8>()
                .is_ok_and(|offset| (1..=most).contains(&offset))
    };
    match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => rest.is_empty() || (rest.starts_with('+') && offset(rest, 15)),
        (_, Some(rest)) => rest.is_empty() || (rest.starts_with('-') && offset(rest, 14)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_signals() {
        for good in [
            "SIGTERM",
            "term",
            "9",
            "64",
            "SIGRTMIN+3",
            "RTMAX-14",
            "RTMIN",
        ] {
            assert!(is_signal(good), "{good}");
        }
        for bad in [
            "",
            "SIG",
            "SIGTERMINATE",
            "0",
            "65",
            "-1",
            "RTMIN+16",
            "RTMIN3",
            "RTMAX+1",
        ] {
            assert!(!is_signal(bad), "{bad}");
        }
    }
}
