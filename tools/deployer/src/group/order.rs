//! The order of a group's services.

use std::collections::BTreeSet;

/// Indices of the services in waves: each goes after all that it names. Every wave can go at once.
pub(super) fn waves(services: &[(&str, &[String])]) -> Result<Vec<Vec<usize>>, String> {
    for (index, (name, after)) in services.iter().enumerate() {
        if services[..index].iter().any(|(other, _)| other == name) {
            return Err(format!("the service {name} is there twice"));
        }
        for before in *after {
            if !services.iter().any(|(other, _)| other == before) {
                return Err(format!(
                    "{name} goes after {before}, which is not in the group"
                ));
            }
        }
    }
    let mut waves = Vec::new();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    while placed.len() < services.len() {
        let wave: Vec<usize> = (0..services.len())
            .filter(|index| {
                let (name, after) = services[*index];
                !placed.contains(name)
                    && after.iter().all(|before| placed.contains(before.as_str()))
            })
            .collect();
        if wave.is_empty() {
            let waiting: Vec<&str> = services
                .iter()
                .map(|(name, _)| *name)
                .filter(|name| !placed.contains(name))
                .collect();
            return Err(format!("{} wait for each other", waiting.join(", ")));
        }
        placed.extend(wave.iter().map(|index| services[*index].0));
        waves.push(wave);
    }
    Ok(waves)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn puts_each_after_what_it_names() {
        let (api, both) = (names(&["api"]), names(&["api", "web"]));
        let services = [
            ("worker", both.as_slice()),
            ("api", &[]),
            ("web", api.as_slice()),
            ("docs", &[]),
        ];
        assert_eq!(waves(&services), Ok(vec![vec![1, 3], vec![2], vec![0]]));
    }

    #[test]
    fn refuses_what_has_no_order() {
        let (a, b, c) = (names(&["b"]), names(&["a"]), names(&["z"]));
        let circle: [(&str, &[String]); 3] = [("a", &a), ("b", &b), ("c", &[])];
        assert_eq!(waves(&circle), Err("a, b wait for each other".to_owned()));
        let unknown: [(&str, &[String]); 1] = [("c", &c)];
        assert_eq!(
            waves(&unknown),
            Err("c goes after z, which is not in the group".to_owned())
        );
        let twice: [(&str, &[String]); 2] = [("a", &[]), ("a", &[])];
        assert_eq!(
            waves(&twice),
            Err("the service a is there twice".to_owned())
        );
    }
}
