//! EXPOSE.

/// The ports of one word, `PORT[-PORT][/PROTOCOL]`, as the configuration has them.
pub(crate) fn exposed(word: &str) -> Result<Vec<String>, String> {
    let invalid = || format!("{word} is no port: write 8080, 8080/udp or 8000-8010");
    let (range, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err(format!("{word}: the protocol must be tcp, udp or sctp"));
    }
    if range.contains(':') {
        return Err(format!(
            "{word}: EXPOSE takes the container's port only, without an address or a port of the host"
        ));
    }
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let number = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|&port| port > 0)
            .ok_or_else(invalid)
    };
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(invalid());
    }
    Ok((first..=last)
        .map(|port| format!("{port}/{protocol}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ports() {
        let text = |ports: &[&str]| Ok(ports.iter().map(ToString::to_string).collect());
        let invalid = |word: &str| {
            Err(format!(
                "{word} is no port: write 8080, 8080/udp or 8000-8010"
            ))
        };
        for (word, expected) in [
            ("80", text(&["80/tcp"])),
            ("53/UDP", text(&["53/udp"])),
            ("8000-8002", text(&["8000/tcp", "8001/tcp", "8002/tcp"])),
            ("0", invalid("0")),
            ("70000", invalid("70000")),
            ("9-8", invalid("9-8")),
            ("http", invalid("http")),
            ("80/icmp", Err("80/icmp: the protocol must be tcp, udp or sctp".to_owned())),
            (
                "127.0.0.1:80:80",
                Err("127.0.0.1:80:80: EXPOSE takes the container's port only, without an address or a port of the host".to_owned()),
            ),
        ] {
            assert_eq!(exposed(word), expected, "{word}");
        }
    }
}
