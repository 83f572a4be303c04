#![expect(
    clippy::too_many_lines,
    reason = "the tables have a case for every rule"
)]

use serde_json::json;

use super::*;
use crate::overlay::merge;

/// A definition against which nothing can be said.
fn good() -> Value {
    let digest = "0a".repeat(32);
    json!({
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "512",
        "memory": "1024",
        "executionRoleArn": "arn:aws:iam::123456789012:role/x",
        "volumes": [{"name": "data"}],
        "containerDefinitions": [
            {
                "name": "api",
                "image": format!("r/web@sha256:{digest}"),
                "portMappings": [{"containerPort": 8080}],
                "healthCheck": {"command": ["CMD", "x"]},
                "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {
                    "awslogs-group": "/g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "api",
                }},
            },
            {"name": "init", "image": format!("r/init@sha256:{digest}"), "essential": false},
        ],
    })
}

/// The same on instances.
fn on_instances() -> Value {
    let mut definition = good();
    merge(
        &mut definition,
        &json!({"networkMode": "bridge", "requiresCompatibilities": ["EC2"]}),
        "",
    );
    definition
}

fn said(definition: &Value, settings: &Settings) -> Vec<String> {
    problems(definition, settings)
        .iter()
        .map(|problem| {
            let weight = if problem.is_error() { "" } else { "warning " };
            let rule = problem.rule.expect("every rule has a source");
            format!("{weight}{}: {} [{rule}]", problem.place, problem.message)
        })
        .collect()
}

/// What each change of a good definition leads to: the one problem expected, no other.
fn check(good: &Value, changes: &[(Value, &str)]) {
    for (change, expected) in changes {
        let mut definition = good.clone();
        merge(&mut definition, change, "");
        assert_eq!(
            said(&definition, &Settings::default()),
            [*expected],
            "{change}"
        );
    }
}

/// A change of the container `api`.
fn api(mut container: Value) -> Value {
    container["name"] = json!("api");
    json!({ "containerDefinitions": [container] })
}

#[test]
fn has_nothing_against_good_definitions() {
    for definition in [good(), on_instances()] {
        assert_eq!(said(&definition, &Settings::default()), [""; 0]);
    }
}

#[test]
fn knows_what_fargate_sells() {
    check(
        &good(),
        &[
            (
                json!({"cpu": null}),
                "cpu: Fargate requires that 'cpu' be defined at the task level [fargate-tasks-services]",
            ),
            (
                json!({"memory": "1 TB"}),
                "memory: \"1 TB\" is no amount [task_definition_parameters_ec2]",
            ),
            (
                json!({"cpu": "300"}),
                "cpu: Fargate has no size of 300 CPU units [fargate-tasks-services]",
            ),
            (
                json!({"memory": "8 GB"}),
                "memory: Fargate has no size of 512 CPU units with 8192 MiB [fargate-tasks-services]",
            ),
            (
                json!({"ephemeralStorage": {"sizeInGiB": 20}}),
                "ephemeralStorage.sizeInGiB: Fargate has no disk of 20 GiB [API_EphemeralStorage]",
            ),
            (
                json!({"networkMode": "bridge"}),
                "networkMode: Fargate has no network but awsvpc [fargate-tasks-services]",
            ),
            (
                json!({"pidMode": "host"}),
                "pidMode: Fargate does not support host [fargate-tasks-services]",
            ),
            (
                json!({"ipcMode": "task"}),
                "ipcMode: Fargate does not support ipcMode [fargate-tasks-services]",
            ),
            (
                json!({"executionRoleArn": null}),
                "warning executionRoleArn: Fargate pulls images and writes logs under the task's execution role, and none is named [task_execution_IAM_role]",
            ),
            (
                json!({"volumes": [{"name": "data", "host": {"sourcePath": "/x"}}]}),
                "volumes[0].host.sourcePath: Fargate does not support host paths [fargate-tasks-services]",
            ),
            (
                json!({"volumes": [{"name": "data", "dockerVolumeConfiguration": {"driver": "local"}}]}),
                "volumes[0].dockerVolumeConfiguration: Fargate does not support Docker volumes [fargate-tasks-services]",
            ),
            (
                api(json!({"privileged": true})),
                "containerDefinitions[0].privileged: Fargate does not support privileged [fargate-tasks-services]",
            ),
            (
                api(json!({"linuxParameters": {"sharedMemorySize": 64}})),
                "containerDefinitions[0].linuxParameters.sharedMemorySize: Fargate does not support sharedMemorySize [fargate-tasks-services]",
            ),
            (
                api(
                    json!({"linuxParameters": {"capabilities": {"add": ["SYS_PTRACE", "NET_ADMIN"]}}}),
                ),
                "containerDefinitions[0].linuxParameters.capabilities.add[1]: Fargate adds no capability but SYS_PTRACE [API_KernelCapabilities]",
            ),
            (
                api(json!({"logConfiguration": {"logDriver": "syslog"}})),
                "containerDefinitions[0].logConfiguration.logDriver: Fargate has no log driver syslog [API_LogConfiguration]",
            ),
            (
                api(json!({"stopTimeout": 121})),
                "containerDefinitions[0].stopTimeout: Fargate does not wait 121 s for a container to stop [API_ContainerDefinition]",
            ),
            (
                api(json!({"startTimeout": 1})),
                "containerDefinitions[0].startTimeout: 1 is out of range [API_ContainerDefinition]",
            ),
        ],
    );
}

#[test]
fn knows_what_instances_need() {
    check(
        &on_instances(),
        &[
            (
                json!({"cpu": "64"}),
                "cpu: ECS takes no task with 64 CPU units [task_definition_parameters_ec2]",
            ),
            (
                json!({"ephemeralStorage": {"sizeInGiB": 21}}),
                "warning ephemeralStorage.sizeInGiB: a task has a disk of its own on Fargate only [API_EphemeralStorage]",
            ),
            (
                api(json!({"stopTimeout": 301})),
                "warning containerDefinitions[0].stopTimeout: the container may take 301 s to stop, but its requests are cut off after the usual deregistration delay of 300 s [load-balancer-connection-draining]",
            ),
            (
                api(json!({"memory": 64, "memoryReservation": 65})),
                "containerDefinitions[0].memoryReservation: 65 MiB are reserved of 64 [API_ContainerDefinition]",
            ),
            (
                api(json!({"memory": 5})),
                "containerDefinitions[0].memory: Docker starts no container with 5 MiB [API_ContainerDefinition]",
            ),
            (
                api(json!({"memory": 2_048})),
                "memory: the containers ask for 2048 MiB, and the task has 1024 [API_ContainerDefinition]",
            ),
            (
                api(json!({"cpu": 1_024})),
                "cpu: the containers ask for 1024 CPU units, and the task has 512 [API_ContainerDefinition]",
            ),
            (
                api(json!({"cpu": -1})),
                "containerDefinitions[0].cpu: -1 is no number of CPU units [API_ContainerDefinition]",
            ),
            (
                api(json!({"links": ["db:database"]})),
                "containerDefinitions[0].links[0]: the task has no container \"db\" [API_ContainerDefinition]",
            ),
            (
                json!({"proxyConfiguration": {"containerName": "envoy"}}),
                "proxyConfiguration.containerName: the task has no container \"envoy\" [API_ContainerDefinition]",
            ),
        ],
    );
    let mut without = on_instances();
    merge(&mut without, &json!({"memory": null, "cpu": null}), "");
    check(
        &without,
        &[(
            api(json!({"memory": 64})),
            "containerDefinitions[1].memory: neither the container nor the task says how much memory it needs [API_ContainerDefinition]",
        )],
    );
}

#[test]
fn knows_ports_and_network_modes() {
    let ports = |ports: Value| api(json!({ "portMappings": ports }));
    check(
        &good(),
        &[
            (
                ports(json!([{"containerPort": 8080, "hostPort": 80}])),
                "containerDefinitions[0].portMappings[0].hostPort: in the network mode awsvpc the host's port is the container's, 8080, not 80 [API_PortMapping]",
            ),
            (
                ports(json!([{"containerPort": 70_000}])),
                "containerDefinitions[0].portMappings[1].containerPort: 70000 is no port [API_PortMapping]",
            ),
            (
                ports(json!([{"protocol": "tcp"}])),
                "containerDefinitions[0].portMappings[0].containerPort: the mapping names no port [API_PortMapping]",
            ),
            (
                ports(json!([{"containerPortRange": "90-80"}])),
                "containerDefinitions[0].portMappings[0].containerPortRange: \"90-80\" is no range of ports [API_PortMapping]",
            ),
            (
                ports(json!([{"containerPort": 8080, "containerPortRange": "80-90"}])),
                "containerDefinitions[0].portMappings[0].containerPortRange: the mapping names a port and a range [API_PortMapping]",
            ),
            (
                ports(json!([{"containerPort": 8080, "appProtocol": "http"}])),
                "containerDefinitions[0].portMappings[0].name: appProtocol is for Service Connect, which finds ports by name [API_PortMapping]",
            ),
            (
                ports(json!([{"containerPort": 8080, "name": "n".repeat(65)}])),
                "containerDefinitions[0].portMappings[0].name: the name has more than 64 characters [API_PortMapping]",
            ),
            (
                json!({"containerDefinitions": [{"name": "init", "portMappings": [{"containerPort": 8080}]}]}),
                "containerDefinitions[1].portMappings[0].containerPort: the port 8080/tcp is there twice, first in containerDefinitions[0].portMappings[0].containerPort [API_PortMapping]",
            ),
            (
                json!({"containerDefinitions": [{"name": "api", "portMappings": [{"containerPort": 8080, "name": "n"}]}, {"name": "init", "portMappings": [{"containerPort": 1, "name": "n"}]}]}),
                "containerDefinitions[1].portMappings[0].name: the name of a port n is there twice, first in containerDefinitions[0].portMappings[0].name [API_PortMapping]",
            ),
            (
                api(json!({"hostname": "h"})),
                "containerDefinitions[0].hostname: the network mode awsvpc does not allow hostname [API_ContainerDefinition]",
            ),
        ],
    );
    check(
        &on_instances(),
        &[
            (
                json!({"networkMode": "none"}),
                "containerDefinitions[0].portMappings: the network mode none has no ports [API_PortMapping]",
            ),
            (
                json!({"networkMode": "host", "containerDefinitions": [{"name": "api", "links": ["init"]}]}),
                "containerDefinitions[0].links: the network mode host does not allow links [API_ContainerDefinition]",
            ),
            (
                ports(
                    json!([{"containerPort": 8080, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]),
                ),
                "containerDefinitions[0].portMappings[1].hostPort: the port 80/tcp is there twice, first in containerDefinitions[0].portMappings[0].hostPort [API_PortMapping]",
            ),
        ],
    );
}

#[test]
fn knows_containers_and_their_order() {
    let depends = |name: &str, condition: &str| {
        api(json!({"dependsOn": [{"containerName": name, "condition": condition}]}))
    };
    check(
        &good(),
        &[
            (
                json!({"family": "a b"}),
                "family: the family is not a name that ECS takes [API_RegisterTaskDefinition]",
            ),
            (
                api(json!({"essential": false})),
                "containerDefinitions: no container is essential [API_ContainerDefinition]",
            ),
            (
                api(json!({"image": null})),
                "containerDefinitions[0].image: ECS takes no container without it [API_ContainerDefinition]",
            ),
            (
                api(json!({"image": "r/web:7"})),
                "warning containerDefinitions[0].image: r/web:7 does not name its digest [container-image-version-consistency]",
            ),
            (
                api(json!({"image": "r/web@sha256:0a"})),
                "containerDefinitions[0].image: r/web@sha256:0a has no whole digest [API_ContainerDefinition]",
            ),
            (
                api(json!({"image": "r /web"})),
                "containerDefinitions[0].image: it is not an image's reference [API_ContainerDefinition]",
            ),
            (
                api(json!({"healthCheck": {"command": ["x"]}})),
                "containerDefinitions[0].healthCheck.command: it is not a command that ECS can run [API_HealthCheck]",
            ),
            (
                api(json!({"healthCheck": {"interval": 4}})),
                "containerDefinitions[0].healthCheck.interval: 4 is out of range [API_HealthCheck]",
            ),
            (
                api(json!({"healthCheck": {"timeout": 61}})),
                "containerDefinitions[0].healthCheck.timeout: 61 is out of range [API_HealthCheck]",
            ),
            (
                api(json!({"healthCheck": {"retries": 0}})),
                "containerDefinitions[0].healthCheck.retries: 0 is out of range [API_HealthCheck]",
            ),
            (
                api(json!({"healthCheck": {"startPeriod": 301}})),
                "containerDefinitions[0].healthCheck.startPeriod: 301 is out of range [API_HealthCheck]",
            ),
            (
                api(json!({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 59}})),
                "containerDefinitions[0].restartPolicy.restartAttemptPeriod: 59 is out of range [API_ContainerRestartPolicy]",
            ),
            (
                api(json!({"restartPolicy": {"enabled": true, "ignoredExitCodes": vec![1; 51]}})),
                "containerDefinitions[0].restartPolicy.ignoredExitCodes: there are more than 50 exit codes [API_ContainerRestartPolicy]",
            ),
            (
                api(json!({"ulimits": [{"name": "nofile", "softLimit": 2, "hardLimit": 1}]})),
                "containerDefinitions[0].ulimits[0].softLimit: the soft limit 2 is above the hard limit 1 [API_Ulimit]",
            ),
            (
                depends("int", "START"),
                "containerDefinitions[0].dependsOn[0].containerName: the task has no container \"int\" [API_ContainerDefinition]",
            ),
            (
                depends("init", "HEALTHY"),
                "containerDefinitions[0].dependsOn[0].condition: init has no health check, so it never gets HEALTHY [API_ContainerDependency]",
            ),
            (
                depends("api", "START"),
                "containerDefinitions[0].dependsOn: the containers wait for each other: api → api [API_ContainerDependency]",
            ),
            (
                json!({"containerDefinitions": [{"name": "init", "dependsOn": [{"containerName": "api", "condition": "SUCCESS"}]}]}),
                "containerDefinitions[1].dependsOn[0].condition: api is essential: when it ends, so does the task, and nothing is started after it [API_ContainerDependency]",
            ),
            (
                json!({"containerDefinitions": [
                    {"name": "api", "dependsOn": [{"containerName": "init", "condition": "START"}]},
                    {"name": "init", "dependsOn": [{"containerName": "api", "condition": "START"}]},
                ]}),
                "containerDefinitions[0].dependsOn: the containers wait for each other: api → init → api [API_ContainerDependency]",
            ),
        ],
    );
}

#[test]
fn knows_variables_and_references() {
    let secret = |from: &str| api(json!({"secrets": [{"name": "A", "valueFrom": from}]}));
    let place = "containerDefinitions[0].secrets[0].valueFrom";
    let sentence = |message: &str| format!("{place}: {message} [specifying-sensitive-data]");
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf";
    for from in [
        "/a/b",
        "a.b:3",
        arn,
        &format!("{arn}:key::"),
        "arn:aws:ssm:us-east-1:123456789012:parameter/a/b",
    ] {
        let mut definition = good();
        merge(&mut definition, &secret(from), "");
        assert_eq!(said(&definition, &Settings::default()), [""; 0], "{from}");
    }
    check(
        &good(),
        &[
            (secret(""), &sentence("the reference is empty")),
            (
                secret("hunter2!"),
                &sentence("it is no reference to a secret"),
            ),
            (
                secret("arn:aws:s3:::x"),
                &sentence("the ARN is neither of Parameter Store nor of Secrets Manager"),
            ),
            (
                secret(&format!("{arn}:key")),
                &sentence(
                    "after the secret's ARN go a JSON key, a stage and a version, with all three colons",
                ),
            ),
            (
                secret(&format!("{arn}:key:a:b")),
                &sentence("it names a stage and a version, and Secrets Manager takes one of them"),
            ),
            (
                api(json!({"environment": [{"name": "DB_PASSWORD", "value": "x"}]})),
                "warning containerDefinitions[0].environment[0].value: DB_PASSWORD is a secret by its name, and stands here for everybody to read [specifying-sensitive-data]",
            ),
            (
                api(json!({"environment": [{"name": "DB", "value": "pg://u:p@h/d"}]})),
                "warning containerDefinitions[0].environment[0].value: DB is a secret by its value, and stands here for everybody to read [specifying-sensitive-data]",
            ),
            (
                api(json!({"environment": [{"name": "A=B", "value": "x"}]})),
                "containerDefinitions[0].environment[0].name: no process can have a variable of this name [API_KeyValuePair]",
            ),
            (
                api(
                    json!({"environment": [{"name": "A", "value": "x"}], "secrets": [{"name": "A", "valueFrom": "/a"}]}),
                ),
                "containerDefinitions[0].secrets[0].name: the variable A is there twice, first in containerDefinitions[0].environment[0].name [specifying-sensitive-data]",
            ),
            (
                api(json!({"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/k"}]})),
                "containerDefinitions[0].environmentFiles[0].value: it is not the ARN of an object that ends with .env [API_EnvironmentFile]",
            ),
            (
                api(
                    json!({"environmentFiles": vec![json!({"type": "s3", "value": "arn:aws:s3:::b/k.env"}); 11]}),
                ),
                "containerDefinitions[0].environmentFiles: there are 11 files, and ECS takes 10 [API_EnvironmentFile]",
            ),
        ],
    );
    let mut definition = on_instances();
    merge(&mut definition, &secret("/a"), "");
    merge(&mut definition, &json!({"executionRoleArn": null}), "");
    assert_eq!(
        said(&definition, &Settings::default()),
        [
            "warning executionRoleArn: ECS reads the secrets of api under the task's execution role, and none is named [specifying-sensitive-data]"
        ]
    );
}

#[test]
fn knows_logs_volumes_and_tags() {
    let options = |options: Value| api(json!({"logConfiguration": {"options": options}}));
    check(
        &good(),
        &[
            (
                options(json!({"awslogs-group": null})),
                "containerDefinitions[0].logConfiguration.options.awslogs-group: awslogs needs this option [API_LogConfiguration]",
            ),
            (
                options(json!({"awslogs-stream-prefix": null})),
                "containerDefinitions[0].logConfiguration.options.awslogs-stream-prefix: awslogs needs this option [API_LogConfiguration]",
            ),
            (
                options(json!({"mode": "blocking"})),
                "warning containerDefinitions[0].logConfiguration.options.mode: a log that cannot be reached stops the application [API_LogConfiguration]",
            ),
            (
                options(json!({"mode": "later"})),
                "containerDefinitions[0].logConfiguration.options.mode: there is no such mode [API_LogConfiguration]",
            ),
            (
                options(json!({"max-buffer-size": "much"})),
                "containerDefinitions[0].logConfiguration.options.max-buffer-size: it is no size [API_LogConfiguration]",
            ),
            (
                api(json!({"logConfiguration": {"logDriver": "awsfirelens"}})),
                "containerDefinitions[0].logConfiguration.logDriver: no container of the task routes logs [using_firelens]",
            ),
            (
                api(
                    json!({"firelensConfiguration": {"type": "fluentbit"}, "logConfiguration": {"logDriver": "awsfirelens"}}),
                ),
                "containerDefinitions[0].logConfiguration.logDriver: the log router cannot send its own log through itself [using_firelens]",
            ),
            (
                json!({"containerDefinitions": [{"name": "api", "firelensConfiguration": {"type": "fluentbit"}}, {"name": "init", "firelensConfiguration": {"type": "fluentd"}}]}),
                "containerDefinitions[1].firelensConfiguration: api is a log router already, and a task has one [using_firelens]",
            ),
            (
                api(json!({"mountPoints": [{"sourceVolume": "dat", "containerPath": "/data"}]})),
                "containerDefinitions[0].mountPoints[0].sourceVolume: the task has no volume \"dat\" [API_MountPoint]",
            ),
            (
                api(json!({"linuxParameters": {"tmpfs": [{"containerPath": "/data", "size": 1}]}})),
                "containerDefinitions[0].linuxParameters.tmpfs[0].containerPath: the path /data is there twice, first in containerDefinitions[0].mountPoints[0].containerPath [API_MountPoint]",
            ),
            (
                api(json!({"linuxParameters": {"tmpfs": [{"containerPath": "/t", "size": 0}]}})),
                "containerDefinitions[0].linuxParameters.tmpfs[0].size: a file system in memory needs a size [API_Tmpfs]",
            ),
            (
                api(json!({"volumesFrom": [{"sourceContainer": "x"}]})),
                "containerDefinitions[0].volumesFrom[0].sourceContainer: the task has no container \"x\" [API_ContainerDefinition]",
            ),
            (
                json!({"volumes": [{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "authorizationConfig": {"iam": "ENABLED"}}}]}),
                "volumes[0].efsVolumeConfiguration.transitEncryption: an access point and IAM need encrypted traffic [API_EFSVolumeConfiguration]",
            ),
            (
                json!({"volumes": [{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/x", "transitEncryption": "ENABLED", "authorizationConfig": {"accessPointId": "fsap-1"}}}]}),
                "volumes[0].efsVolumeConfiguration.rootDirectory: the access point has a root of its own [API_EFSVolumeConfiguration]",
            ),
            (
                json!({"volumes": [{"name": "a b"}]}),
                "volumes[1].name: the volume has no name that ECS takes [API_Volume]",
            ),
            (
                json!({"tags": [{"key": "aws:x", "value": ""}]}),
                "tags[0]: keys that begin with aws: belong to AWS [API_Tag]",
            ),
        ],
    );
}

#[test]
fn counts_and_finds_what_is_there_twice() {
    let mut many = good();
    for index in 0..9 {
        let image = many["containerDefinitions"][1]["image"].clone();
        let container = json!({"name": format!("c{index}"), "image": image});
        many["containerDefinitions"]
            .as_array_mut()
            .unwrap()
            .push(container);
    }
    many["tags"] = (0..51)
        .map(|n| json!({"key": format!("k{n}"), "value": ""}))
        .collect();
    assert_eq!(
        said(&many, &Settings::default()),
        [
            "containerDefinitions: there are 11 containers, and ECS takes 10 [service-quotas]",
            "tags: there are 51 tags, and ECS takes 50 [API_Tag]",
        ]
    );
    let mut double = good();
    double["containerDefinitions"][1]["name"] = json!("api");
    double["volumes"] = json!([{"name": "data"}, {"name": "data"}]);
    double["tags"] = json!([{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]);
    assert_eq!(
        said(&double, &Settings::default()),
        [
            "containerDefinitions[1].name: the container api is there twice, first in containerDefinitions[0].name [API_ContainerDefinition]",
            "volumes[1].name: the volume data is there twice, first in volumes[0].name [API_Volume]",
            "tags[1].key: the tag a is there twice, first in tags[0].key [API_Tag]",
        ]
    );
}

#[test]
fn is_as_strict_as_it_is_told() {
    let mut definition = good();
    let change = json!({"image": "r/web:7", "environment": [{"name": "TOKEN", "value": "x"}], "stopTimeout": 100});
    merge(&mut definition, &api(change), "");
    let settings = Settings {
        require_digest: true,
        strict: false,
        deregistration_delay: 60,
        plain: vec!["TOKEN".to_owned()],
    };
    assert_eq!(
        said(&definition, &settings),
        [
            "containerDefinitions[0].image: r/web:7 does not name its digest [container-image-version-consistency]",
            "warning containerDefinitions[0].stopTimeout: the container may take 100 s to stop, but its requests are cut off after the deregistration delay of 60 s [load-balancer-connection-draining]",
        ]
    );
    let strict = Settings {
        strict: true,
        ..settings
    };
    assert!(problems(&definition, &strict).iter().all(Problem::is_error));
}
