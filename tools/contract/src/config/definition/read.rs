//! From TOML to what a task definition says.

use std::collections::BTreeMap;

use super::super::check;
use super::super::decode::{self, plain, secrets, variables};
use super::super::reader::{Located, Reader, Table, alternatives, nearest};
use super::{
    Condition, Container, Definition, Dependency, Firelens, HealthCheck, LogDriver, Logging, Mount,
    Network, Router, Sidecar, Tmpfs, Ulimit, Volume,
};

const CONDITIONS: [(&str, Condition); 4] = [
    ("start", Condition::Start),
    ("complete", Condition::Complete),
    ("success", Condition::Success),
    ("healthy", Condition::Healthy),
];

/// Reads the keys of a service or a task that belong to its definition.
pub(in crate::config) fn read(reader: &Reader<'_>, table: &Table<'_, '_>) -> Definition {
    let definition = Definition {
        container: container(reader, table),
        sidecars: table
            .table("sidecars")
            .map(|sidecars| {
                let tables = sidecars.tables();
                tables
                    .into_iter()
                    .filter_map(|(name, below)| {
                        check::name(&sidecars, &format!("the name {}", name.value), &name);
                        Some((name.value, sidecar(reader, below)?))
                    })
                    .collect()
            })
            .unwrap_or_default(),
        volumes: table
            .table("volumes")
            .map(|volumes| {
                let tables = volumes.tables();
                tables
                    .into_iter()
                    .map(|(name, below)| (name.value, volume(below)))
                    .collect()
            })
            .unwrap_or_default(),
        ephemeral_storage: table.integer("ephemeral-storage", 21..=200),
        network: table.word(
            "network",
            &[
                ("bridge", Network::Bridge),
                ("awsvpc", Network::Awsvpc),
                ("host", Network::Host),
            ],
        ),
    };
    references(table, &definition);
    definition
}

fn container(reader: &Reader<'_>, table: &Table<'_, '_>) -> Container {
    Container {
        entry_point: plain(table.texts("entry-point")),
        working_directory: table.text("working-directory").map(|text| text.value),
        user: table.text("user").map(|text| text.value),
        init: table.flag("init").unwrap_or(false),
        read_only: table.flag("read-only").unwrap_or(false),
        tmpfs: each(table, "tmpfs", "\"/tmp:64\" (path and MiB)", tmpfs),
        ulimits: each(table, "ulimits", "\"nofile=65536\"", ulimit),
        mounts: each(
            table,
            "mounts",
            "\"VOLUME:/path\" or \"VOLUME:/path:ro\"",
            mount,
        ),
        depends_on: each(
            table,
            "depends-on",
            "\"CONTAINER:start\", or with complete, success or healthy",
            dependency,
        ),
        health_check: table.table("health-check").and_then(health_check),
        logging: table
            .table("logging")
            .map(|below| logging(reader, below))
            .unwrap_or_default(),
        memory_reservation: table.integer("memory-reservation", 6..=122_880),
        start_timeout: table.integer("start-timeout", 2..=3_600),
        add_capabilities: plain(table.texts("add-capabilities")),
        drop_capabilities: plain(table.texts("drop-capabilities")),
        labels: texts_by_name(table.table("labels")),
    }
}

fn sidecar(reader: &Reader<'_>, table: Table<'_, '_>) -> Option<Sidecar> {
    let image = table.required_text("image", "public.ecr.aws/NAME@sha256:…");
    let router = table.word(
        "firelens",
        &[
            ("fluentbit", Router::Fluentbit),
            ("fluentd", Router::Fluentd),
        ],
    );
    let options = texts_by_name(table.table("firelens-options"));
    let sidecar = Sidecar {
        image: image.map(|image| image.value).unwrap_or_default(),
        command: plain(table.texts("command")),
        essential: table.flag("essential").unwrap_or(true),
        port: table.integer::<u16>("port", 1..=65_535),
        cpu: table.integer("cpu", 1..=16_384),
        memory: table.integer("memory", 6..=122_880),
        stop_timeout: table.integer("stop-timeout", 1..=3_600),
        variables: variables(reader, table.table("variables")),
        secrets: secrets(reader, table.table("secrets")),
        firelens: router.map(|router| Firelens { router, options }),
        container: container(reader, &table),
    };
    table.finish();
    (!sidecar.image.is_empty()).then_some(sidecar)
}

fn health_check(table: Table<'_, '_>) -> Option<HealthCheck> {
    let mut command = plain(table.texts("command"));
    if command.is_empty() {
        table.problem(
            table.span(),
            format!("{} lacks the key \"command\"", table.name()),
            Some("write command = [\"CMD-SHELL\", \"curl -f http://localhost/\"]".to_owned()),
        );
    } else if !["CMD", "CMD-SHELL", "NONE"].contains(&command[0].as_str()) {
        command.insert(0, "CMD".to_owned());
    }
    // Limits of RegisterTaskDefinition, member `healthCheck`.
    let check = HealthCheck {
        command,
        interval: table.integer("interval", 5..=300),
        timeout: table.integer("timeout", 2..=60),
        retries: table.integer("retries", 1..=10),
        start_period: table.integer("start-period", 0..=300),
    };
    table.finish();
    (!check.command.is_empty()).then_some(check)
}

fn logging(reader: &Reader<'_>, table: Table<'_, '_>) -> Logging {
    let drivers = [
        ("awslogs", LogDriver::Awslogs),
        ("firelens", LogDriver::Firelens),
        ("none", LogDriver::None),
    ];
    let logging = Logging {
        driver: table.word("driver", &drivers).unwrap_or_default(),
        prefix: table.text("prefix").map(|text| text.value),
        buffer: table.text("buffer").map(|text| text.value),
        blocking: table.flag("blocking").unwrap_or(false),
        options: texts_by_name(table.table("options")),
        secrets: table
            .table("secrets")
            .map(|below| decode::references(reader, &below))
            .unwrap_or_default(),
    };
    table.finish();
    logging
}

fn volume(table: Table<'_, '_>) -> Volume {
    let host = table.text("host");
    let driver = table.text("docker");
    let efs = table.text("efs");
    let scope = table.word("scope", &[("task", false), ("shared", true)]);
    let options = texts_by_name(table.table("options"));
    let root = table.text("root");
    let access_point = table.text("access-point");
    let iam = table.flag("iam");
    let kinds = [&host, &driver, &efs].into_iter().flatten().count();
    if kinds > 1 {
        table.problem(
            table.span(),
            format!("{} is of two kinds", table.name()),
            Some("write one of host, docker and efs".to_owned()),
        );
    }
    let is_of_docker = scope.is_some() || !options.is_empty();
    let is_of_efs = root.is_some() || access_point.is_some() || iam.is_some();
    if (is_of_docker && driver.is_none()) || (is_of_efs && efs.is_none()) {
        table.problem(
            table.span(),
            format!("{} has keys of a kind that it does not have", table.name()),
            Some(
                "scope and options go with docker; root, access-point and iam with efs".to_owned(),
            ),
        );
    }
    table.finish();
    if let Some(file_system) = efs {
        return Volume::Efs {
            file_system: file_system.value,
            root: root.map(|text| text.value),
            access_point: access_point.map(|text| text.value),
            iam: iam.unwrap_or(false),
        };
    }
    match (driver, host) {
        (Some(driver), _) => Volume::Docker {
            driver: driver.value,
            shared: scope.unwrap_or(false),
            options,
        },
        (None, Some(host)) => Volume::Host(host.value),
        (None, None) => Volume::Task,
    }
}

/// Each text of a list in a form of its own.
fn each<T>(
    table: &Table<'_, '_>,
    key: &str,
    form: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let texts = table.texts(key);
    texts
        .iter()
        .filter_map(|Located { value, span }| {
            let item = read(value);
            if item.is_none() {
                table.problem(
                    span,
                    format!("{key} cannot have \"{value}\""),
                    Some(format!("write {form}")),
                );
            }
            item
        })
        .collect()
}

fn tmpfs(text: &str) -> Option<Tmpfs> {
    let (path, size) = text.rsplit_once(':')?;
    let size = size.parse().ok().filter(|size| *size > 0)?;
    path.starts_with('/').then(|| Tmpfs {
        path: path.to_owned(),
        size,
    })
}

fn ulimit(text: &str) -> Option<Ulimit> {
    let (name, limits) = text.split_once('=')?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    Some(Ulimit {
        name: name.to_owned(),
        soft: soft.parse().ok()?,
        hard: hard.parse().ok()?,
    })
}

fn mount(text: &str) -> Option<Mount> {
    let (volume, rest) = text.split_once(':')?;
    let (path, read_only) = match rest.strip_suffix(":ro") {
        Some(path) => (path, true),
        None => (rest, false),
    };
    (!volume.is_empty() && path.starts_with('/') && !path.contains(':')).then(|| Mount {
        volume: volume.to_owned(),
        path: path.to_owned(),
        read_only,
    })
}

fn dependency(text: &str) -> Option<Dependency> {
    let (container, word) = text.split_once(':').unwrap_or((text, "start"));
    let (_, condition) = CONDITIONS.iter().find(|(known, _)| *known == word)?;
    (!container.is_empty()).then(|| Dependency {
        container: container.to_owned(),
        condition: *condition,
    })
}

fn texts_by_name(table: Option<Table<'_, '_>>) -> BTreeMap<String, String> {
    table
        .map(|table| table.named_texts())
        .unwrap_or_default()
        .into_iter()
        .map(|(name, text)| (name.value, text.value))
        .collect()
}

/// Mounts name volumes, and dependencies name containers, that are there.
fn references(table: &Table<'_, '_>, definition: &Definition) {
    let volumes: Vec<&str> = definition.volumes.keys().map(String::as_str).collect();
    let sidecars = definition
        .sidecars
        .iter()
        .map(|(name, sidecar)| (format!("sidecars.{name}"), &sidecar.container));
    for (place, container) in
        std::iter::once((String::new(), &definition.container)).chain(sidecars)
    {
        let place = if place.is_empty() {
            table.name()
        } else {
            format!("{place} of {}", table.name())
        };
        for mount in &container.mounts {
            if !volumes.contains(&mount.volume.as_str()) {
                table.problem(
                    table.span(),
                    format!("{place} mounts \"{}\", which is no volume", mount.volume),
                    Some(match nearest(&mount.volume, &volumes) {
                        Some(near) => format!("did you mean \"{near}\"?"),
                        None if volumes.is_empty() => {
                            format!("add a table volumes.{}", mount.volume)
                        }
                        None => format!("write {}", alternatives(&volumes)),
                    }),
                );
            }
        }
    }
}
