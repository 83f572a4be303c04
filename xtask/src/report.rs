//! `report.html`: one page that says what a release did, from the documents of its steps.

use std::fmt::Write as _;

use contract::alarms::Alarms;
use contract::config::Environment;
use contract::deployment::Deployment;
use contract::image::Image;
use contract::test_report::TestReport;
use toolkit::Console;
use toolkit::file::{Secrecy, write_atomic};

use crate::project::{Project, document, shown};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #d5dde5}\
table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #eef2f5}\
th{font-weight:600;white-space:nowrap}code,pre{font:13px ui-monospace,monospace}pre{background:#f5f7f9;padding:.8rem;overflow-x:auto}\
.good{color:#0a7a3f}.bad{color:#b3261e}td.wide{word-break:break-all}";

/// Writes the page of an environment's last release beside its documents.
pub(crate) fn write(
    console: &Console,
    project: &Project,
    environment: &Environment,
    tag: &str,
) -> anyhow::Result<()> {
    let documents = project.documents(environment);
    let mut page = Page::new(&format!(
        "Release of {} to {}",
        project.names(environment).cluster(),
        environment.name
    ));
    page.fact("Version", tag);
    if let Some(report) = document::<TestReport>(&documents.join("test-report.json")) {
        page.tests(&report);
    }
    if let Some(image) = document::<Image>(&documents.join("image.json")) {
        page.image(&image);
    }
    for service in environment.services.keys() {
        let documents = project.service_documents(environment, service);
        if let Some(deployment) = document::<Deployment>(&documents.join("deployment.json")) {
            page.deployment(&deployment);
        }
        if let Some(alarms) = document::<Alarms>(&documents.join("alarms.json")) {
            page.alarms(&alarms);
        }
    }
    let file = documents.join("report.html");
    write_atomic(&file, page.finish().as_bytes(), Secrecy::Public)?;
    console.detail(&format!("report written to {}", shown(&file)));
    Ok(())
}

struct Page {
    html: String,
}

impl Page {
    fn new(title: &str) -> Self {
        let title = escaped(title);
        Self {
            html: format!(
                "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
                 <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
            ),
        }
    }

    fn add(&mut self, html: &str) {
        self.html.push_str(html);
        self.html.push('\n');
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.add(&format!(
            "<p><strong>{}</strong> <code>{}</code></p>",
            escaped(name),
            escaped(value)
        ));
    }

    fn rows(&mut self, rows: &[(&str, String)]) {
        let mut table = String::from("<table>");
        for (name, value) in rows {
            // Writing to a string cannot fail.
            write!(
                table,
                "<tr><th>{}</th><td class=\"wide\">{}</td></tr>",
                escaped(name),
                escaped(value)
            )
            .expect("a string takes any text");
        }
        self.add(&format!("{table}</table>"));
    }

    fn tests(&mut self, report: &TestReport) {
        let counts = report.counts;
        self.add("<h2>Tests</h2>");
        let class = if report.passed { "good" } else { "bad" };
        self.add(&format!(
            "<p class=\"{class}\">{} tests: {} passed, {} failed, {} errors, {} flaky, {} skipped</p>",
            counts.total, counts.passed, counts.failed, counts.errors, counts.flaky, counts.skipped
        ));
        for failure in &report.failures {
            self.add(&format!(
                "<p><code>{}</code></p>",
                escaped(&format!("{} > {}", failure.suite, failure.name))
            ));
            self.add(&format!(
                "<pre>{}</pre>",
                escaped(&format!("{}\n{}", failure.message, failure.details))
            ));
        }
    }

    fn image(&mut self, image: &Image) {
        self.add("<h2>Image</h2>");
        let layers: Vec<String> = image
            .layers
            .iter()
            .map(|layer| format!("{} bytes: {}", layer.size, layer.created_by))
            .collect();
        self.rows(&[
            ("reference", image.reference.clone()),
            ("tag", image.tag.clone()),
            ("platform", image.platform.clone()),
            ("size", format!("{} bytes", image.size)),
            ("layers", layers.join("; ")),
        ]);
    }

    fn deployment(&mut self, deployment: &Deployment) {
        self.add(&format!(
            "<h2>Service {}</h2>",
            escaped(&deployment.service)
        ));
        let class = if deployment.verdict.exit_code() == 0 {
            "good"
        } else {
            "bad"
        };
        self.add(&format!(
            "<p class=\"{class}\">{}</p>",
            escaped(&deployment.reason)
        ));
        self.rows(&[
            ("serving", deployment.serving_task_definition.clone()),
            (
                "deployment",
                deployment.deployment_id.clone().unwrap_or_default(),
            ),
            ("address", deployment.url.clone().unwrap_or_default()),
            ("time", format!("{} ms", deployment.elapsed_ms)),
        ]);
        for failure in &deployment.failures {
            self.add(&format!(
                "<p class=\"bad\">{} × {}</p>",
                failure.count,
                escaped(&failure.reason)
            ));
            self.add(&format!(
                "<pre>{}</pre>",
                escaped(&failure.last_lines.join("\n"))
            ));
        }
        let timeline: Vec<(&str, String)> = deployment
            .timeline
            .iter()
            .map(|event| (event.at.as_str(), event.text.clone()))
            .collect();
        self.rows(&timeline);
    }

    fn alarms(&mut self, alarms: &Alarms) {
        self.add("<h2>Alarms</h2>");
        let rows: Vec<(&str, String)> = alarms
            .alarms
            .iter()
            .map(|alarm| {
                let state = alarm.state.as_deref().unwrap_or("not evaluated yet");
                (alarm.name.as_str(), format!("{state}: {}", alarm.reason))
            })
            .collect();
        self.rows(&rows);
    }

    fn finish(self) -> String {
        self.html + "</html>\n"
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_no_text_become_markup() {
        let mut page = Page::new("<script>");
        page.fact("a & b", "\"<img>\"");
        let html = page.finish();
        assert!(html.contains("<h1>&lt;script&gt;</h1>"), "{html}");
        assert!(
            html.contains("<strong>a &amp; b</strong> <code>&quot;&lt;img&gt;&quot;</code>"),
            "{html}"
        );
    }
}
