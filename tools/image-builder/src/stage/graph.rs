//! Which stages and images are needed for the target.

use std::collections::{BTreeMap, BTreeSet};

use super::scope::Scope;
use super::{Base, Origin, Settings};
use crate::dockerfile::{Action, Dockerfile, Stage};
use crate::image::platform::Platform;
use crate::image::reference::Reference;
use crate::problem::Problems;

/// The needed stages and what they are made from.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) globals: Scope,
    /// By number of the stage: those that are needed, in the order in which they can be built.
    pub(crate) stages: BTreeMap<usize, Needed>,
    pub(crate) target: usize,
    /// Arguments that the caller gave and no ARG declares.
    pub(crate) unused: Vec<String>,
}

/// A stage that is needed.
#[derive(Debug)]
pub(crate) struct Needed {
    pub(crate) base: Base,
    /// By the instruction, and by the number of the mount where it is a RUN.
    pub(crate) origins: BTreeMap<(usize, usize), Origin>,
}

/// Arguments for RUN that need no ARG.
pub(super) const PREDEFINED: [&str; 5] = [
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "no_proxy",
    "all_proxy",
];

/// Finds them, beginning at the target.
pub(crate) fn graph(file: &Dockerfile, settings: &Settings) -> Result<Graph, Problems> {
    let mut problems = Problems::default();
    let mut globals = Scope::automatic(&settings.platform);
    for (line, arguments) in &file.globals {
        for argument in arguments {
            if let Err(message) = globals.declare(argument, settings, None, file.escape) {
                problems.add(&file.name, *line, message);
            }
        }
    }
    let target = match target(file, settings.target.as_deref()) {
        Ok(target) => target,
        Err(message) => {
            problems.add(&file.name, file.stages[0].line, message);
            return Err(problems);
        }
    };
    let mut search = Search {
        file,
        settings,
        globals: &globals,
        stages: BTreeMap::new(),
        problems,
    };
    search.need(target);
    let Search {
        stages, problems, ..
    } = search;
    let unused = unused(file, settings);
    problems.or(Graph {
        globals,
        stages,
        target,
        unused,
    })
}

fn target(file: &Dockerfile, asked: Option<&str>) -> Result<usize, String> {
    let Some(asked) = asked else {
        return Ok(file.stages.len() - 1);
    };
    let by_name = by_name(&file.stages, asked);
    let by_number = asked
        .parse()
        .ok()
        .filter(|&number: &usize| number < file.stages.len());
    by_name.or(by_number).ok_or_else(|| {
        let names: Vec<&str> = file
            .stages
            .iter()
            .filter_map(|stage| stage.name.as_deref())
            .collect();
        let known = if names.is_empty() {
            "none is named".to_owned()
        } else {
            names.join(", ")
        };
        format!("there is no stage {asked} ({known})")
    })
}

fn by_name(stages: &[Stage], name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    stages
        .iter()
        .position(|stage| stage.name.as_deref() == Some(&name))
}

fn unused(file: &Dockerfile, settings: &Settings) -> Vec<String> {
    let globals = file.globals.iter().flat_map(|(_, arguments)| arguments);
    let locals = file
        .stages
        .iter()
        .flat_map(|stage| &stage.instructions)
        .filter_map(|instruction| match &instruction.action {
            Action::Arg(arguments) => Some(arguments),
            _ => None,
        })
        .flatten();
    let declared: BTreeSet<&str> = globals
        .chain(locals)
        .map(|(name, _)| name.as_str())
        .collect();
    settings
        .arguments
        .keys()
        .filter(|name| {
            !declared.contains(name.as_str())
                && !PREDEFINED.contains(&name.to_ascii_lowercase().as_str())
        })
        .cloned()
        .collect()
}

/// The `from` of everything that an instruction takes files from.
fn sources(action: &Action) -> Vec<Option<&str>> {
    match action {
        Action::Copy(copy) => vec![copy.from.as_deref()],
        Action::Run(run) => run
            .mounts
            .iter()
            .map(|mount| mount.from.as_deref())
            .collect(),
        _ => Vec::new(),
    }
}

struct Search<'a> {
    file: &'a Dockerfile,
    settings: &'a Settings,
    globals: &'a Scope,
    stages: BTreeMap<usize, Needed>,
    problems: Problems,
}

impl Search<'_> {
    fn need(&mut self, number: usize) {
        // Each stage depends on earlier ones only, so that this ends.
        if self.stages.contains_key(&number) {
            return;
        }
        let file = self.file;
        let stage = &file.stages[number];
        let mut below = Vec::new();
        let base = match self.base(number) {
            Ok(base) => base,
            Err(message) => {
                self.problems.add(&file.name, stage.line, message);
                Base::Scratch
            }
        };
        if let Base::Stage(number) = base {
            below.push(number);
        }
        let mut origins = BTreeMap::new();
        for instruction in &stage.instructions {
            for (place, from) in sources(&instruction.action).into_iter().enumerate() {
                match self.origin(number, from) {
                    Ok(origin) => {
                        if let Origin::Stage(number) = origin {
                            below.push(number);
                        }
                        origins.insert((instruction.id, place), origin);
                    }
                    Err(message) => self.problems.add(&file.name, instruction.line, message),
                }
            }
        }
        self.stages.insert(number, Needed { base, origins });
        for number in below {
            self.need(number);
        }
    }

    fn expanded(&self, text: &str) -> Result<String, String> {
        crate::dockerfile::word(text, self.file.escape, &|name| self.globals.get(name))
    }

    fn base(&self, number: usize) -> Result<Base, String> {
        let stage = &self.file.stages[number];
        let name = self.expanded(&stage.base)?;
        let platform = match &stage.platform {
            None => self.settings.platform.clone(),
            Some(text) => self.expanded(text)?.parse::<Platform>()?,
        };
        if name.is_empty() {
            return Err(format!(
                "FROM {} names nothing: its variable is not set by ARG before the first FROM",
                stage.base
            ));
        }
        if name == "scratch" {
            return Ok(Base::Scratch);
        }
        if let Some(earlier) = by_name(&self.file.stages[..number], &name) {
            return Ok(Base::Stage(earlier));
        }
        Ok(Base::Image(name.parse()?, platform))
    }

    fn origin(&self, number: usize, from: Option<&str>) -> Result<Origin, String> {
        let Some(from) = from else {
            return Ok(Origin::Context);
        };
        if from.contains('$') {
            return Err(format!(
                "from={from}: variables are not replaced here; name a stage by FROM … AS, with the variable in the FROM"
            ));
        }
        if let Some(earlier) = by_name(&self.file.stages[..number], from) {
            return Ok(Origin::Stage(earlier));
        }
        if let Ok(index) = from.parse::<usize>() {
            if index < number {
                return Ok(Origin::Stage(index));
            }
            return Err(format!(
                "from={from}: only stages before this one (number {number}) can be copied from"
            ));
        }
        let reference: Reference = from.parse()?;
        Ok(Origin::Image(reference, self.settings.platform.clone()))
    }
}
