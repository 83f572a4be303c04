//! The flags of an instruction: `--name=value`.

/// The only flag that may be given more than once.
const REPEATED: &str = "mount";

/// The flags of one instruction, taken out one by one.
pub(crate) struct Flags {
    instruction: String,
    flags: Vec<(String, Option<String>)>,
}

impl Flags {
    pub(super) fn read(instruction: &str, words: Vec<String>) -> Result<Self, String> {
        let mut flags: Vec<(String, Option<String>)> = Vec::new();
        for word in words {
            let word = word.trim_start_matches("--");
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word, None),
            };
            if name != REPEATED && flags.iter().any(|(other, _)| other == name) {
                return Err(format!("--{name} is given twice"));
            }
            flags.push((name.to_owned(), value));
        }
        Ok(Self {
            instruction: instruction.to_owned(),
            flags,
        })
    }

    fn remove(&mut self, name: &str) -> Option<Option<String>> {
        let at = self.flags.iter().position(|(other, _)| other == name)?;
        Some(self.flags.remove(at).1)
    }

    /// Every value of a flag that may be repeated.
    pub(super) fn take_all(&mut self, name: &str) -> Vec<String> {
        std::iter::from_fn(|| self.take(name)).collect()
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.remove(name).map(Option::unwrap_or_default)
    }

    pub(super) fn take_switch(&mut self, name: &str) -> Result<bool, String> {
        match self.remove(name) {
            None => Ok(false),
            Some(None) => Ok(true),
            Some(Some(value)) => value
                .parse()
                .map_err(|_invalid| format!("--{name} takes true or false, not {value}")),
        }
    }

    pub(super) fn take_duration(&mut self, name: &str) -> Result<u64, String> {
        match self.take(name) {
            None => Ok(0),
            Some(text) => super::duration::nanoseconds(&text)
                .ok_or_else(|| format!("--{name} takes a time such as 30s, not {text}")),
        }
    }

    /// Complains about what is left.
    pub(super) fn finish(self, unsupported: &[&str]) -> Result<(), String> {
        match self.flags.first() {
            None => Ok(()),
            Some((name, _)) if unsupported.contains(&name.as_str()) => Err(format!(
                "the embedded engine does not support {} --{name}",
                self.instruction
            )),
            Some((name, _)) => Err(format!("{} has no flag --{name}", self.instruction)),
        }
    }
}
