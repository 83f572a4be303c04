//! Cobertura, Clover and JaCoCo: three vocabularies, told apart by their elements.

use std::io::Read;

use anyhow::bail;
use contract::test_report::Portion;

use super::measured::Measured;
use crate::xml::{Decoded, Event, Scanner, Tag};

/// Where in the report we are.
#[derive(Default)]
struct Place {
    is_coverage: bool,
    package: String,
    file: String,
    /// Cobertura's method, with a sign whether one of its lines ran.
    method: Option<(String, bool)>,
    /// Lines of the methods of a class, for a class that has no other.
    of_methods: Vec<(u32, bool)>,
    has_own_lines: bool,
    depth: usize,
}

pub(super) fn read(input: impl Read) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    let mut place = Place::default();
    let mut scanner = Scanner::new(Decoded::new(input)?);
    loop {
        match scanner.next()? {
            Event::Open(tag) => {
                place.open(&tag, &mut measured);
                if tag.is_empty() {
                    let name = tag.name();
                    place.close(&name, &mut measured);
                }
            }
            Event::Close(name) => place.close(&name, &mut measured),
            Event::Text(_) | Event::Literal(_) => {}
            Event::End(is_cut) => {
                if is_cut || place.depth > 0 {
                    bail!("it ends before its last element does");
                }
                break;
            }
        }
    }
    if !place.is_coverage {
        bail!("it is XML, but neither Cobertura nor Clover nor JaCoCo");
    }
    Ok(measured)
}

impl Place {
    fn open(&mut self, tag: &Tag<'_>, measured: &mut Measured) {
        self.depth += 1;
        match &*tag.name() {
            b"coverage" => self.is_coverage = true,
            b"report" => self.is_coverage |= self.depth == 1,
            b"package" => self.package = text(tag, "name"),
            b"class" if tag.attribute("filename").is_some() => {
                self.file = text(tag, "filename");
                self.of_methods.clear();
                self.has_own_lines = false;
                measured.file(&self.file);
            }
            b"sourcefile" => {
                let name = text(tag, "name");
                self.file = match self.package.as_str() {
                    "" => name,
                    package => format!("{package}/{name}"),
                };
                measured.file(&self.file);
            }
            b"file" => {
                let path = text(tag, "path");
                self.file = if path.is_empty() {
                    text(tag, "name")
                } else {
                    path
                };
                measured.file(&self.file);
            }
            b"method" if tag.attribute("signature").is_some() => {
                let name = format!("{}{}", text(tag, "name"), text(tag, "signature"));
                let hits = number(tag, "hits").unwrap_or(0);
                self.method = Some((name, hits > 0));
            }
            b"metrics" if !self.file.is_empty() => self.metrics(tag, measured),
            b"line" => self.line(tag, measured),
            _ => {}
        }
    }

    fn close(&mut self, name: &[u8], measured: &mut Measured) {
        self.depth = self.depth.saturating_sub(1);
        match name {
            b"method" => {
                if let Some((name, ran)) = self.method.take() {
                    measured.file(&self.file).function(&name, ran);
                }
            }
            b"class" if !self.has_own_lines => {
                for (line, ran) in self.of_methods.drain(..) {
                    measured.file(&self.file).line(line, ran);
                }
            }
            b"sourcefile" | b"file" => self.file.clear(),
            _ => {}
        }
    }

    fn line(&mut self, tag: &Tag<'_>, measured: &mut Measured) {
        if let (Some(line), Some(hits)) = (number(tag, "number"), number(tag, "hits")) {
            self.cobertura(line_number(line), hits > 0, tag, measured);
        } else if let (Some(line), Some(count)) = (number(tag, "num"), number(tag, "count")) {
            if text(tag, "type") == "method" {
                return;
            }
            measured.file(&self.file).line(line_number(line), count > 0);
        } else if let (Some(line), Some(ran)) = (number(tag, "nr"), number(tag, "ci")) {
            let source = measured.file(&self.file);
            let line = line_number(line);
            source.line(line, ran > 0);
            let (missed, covered) = (number(tag, "mb"), number(tag, "cb"));
            let (missed, covered) = (missed.unwrap_or(0), covered.unwrap_or(0));
            if missed + covered > 0 {
                source.condition(
                    line,
                    Portion {
                        covered,
                        total: missed + covered,
                    },
                );
            }
        }
    }

    fn cobertura(&mut self, line: u32, ran: bool, tag: &Tag<'_>, measured: &mut Measured) {
        if let Some((_, method_ran)) = &mut self.method {
            *method_ran |= ran;
            self.of_methods.push((line, ran));
            return;
        }
        self.has_own_lines = true;
        let source = measured.file(&self.file);
        source.line(line, ran);
        if let Some(portion) = tag
            .attribute("condition-coverage")
            .as_deref()
            .and_then(condition)
        {
            source.condition(line, portion);
        }
    }

    /// Clover's numbers of a file: of branches and methods its lines do not tell enough.
    fn metrics(&self, tag: &Tag<'_>, measured: &mut Measured) {
        let portion = |covered, total| {
            let (covered, total) = (number(tag, covered)?, number(tag, total)?);
            (total > 0).then_some(Portion { covered, total })
        };
        let stated = &mut measured.file(&self.file).stated;
        stated.branches = portion("coveredconditionals", "conditionals");
        stated.functions = portion("coveredmethods", "methods");
        stated.statements = portion("coveredstatements", "statements");
    }
}

/// `50% (1/2)`
fn condition(text: &str) -> Option<Portion> {
    let (_, numbers) = text.split_once('(')?;
    let (covered, total) = numbers.trim_end_matches(')').split_once('/')?;
    Some(Portion {
        covered: covered.trim().parse().ok()?,
        total: total.trim().parse().ok()?,
    })
}

fn text(tag: &Tag<'_>, name: &str) -> String {
    tag.attribute(name).unwrap_or_default().into_owned()
}

fn number(tag: &Tag<'_>, name: &str) -> Option<u64> {
    tag.attribute(name)?.trim().parse().ok()
}

fn line_number(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}
