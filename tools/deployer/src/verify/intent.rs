//! What is to be released and how: flags first, then what the live service has, then ECS's defaults.

use aws_sdk_ecs::types::{
    DeploymentControllerType, DeploymentStrategy, LaunchType, SchedulingStrategy, Service,
};

use super::Flags;
use crate::create;
use crate::service::Balanced;

/// Where tasks run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Launch {
    /// On the cluster's instances.
    Ec2,
    /// On Fargate.
    Fargate,
    /// On machines of one's own.
    External,
    /// Where these capacity providers put them.
    Providers(Vec<String>),
}

/// How a release goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    /// Old tasks are replaced within the percentages.
    Rolling,
    /// A second set of tasks is started beside the old one.
    Beside,
}

/// What the checks judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) desired: i64,
    /// Tasks of the service that run now.
    pub(super) running: i64,
    pub(super) minimum_percent: i64,
    pub(super) maximum_percent: i64,
    pub(super) launch: Launch,
    pub(super) strategy: Strategy,
    /// One task on every instance, instead of a number.
    pub(super) is_daemon: bool,
    pub(super) balanced: Vec<Balanced>,
    /// Seconds.
    pub(super) grace: i64,
    pub(super) subnets: Vec<String>,
    pub(super) security_groups: Vec<String>,
    /// Alarms that end the release.
    pub(super) alarms: Vec<String>,
    /// Who carries a release out, if it is not ECS.
    pub(super) controller: Option<String>,
}

impl Launch {
    /// Whether tasks run on Fargate, and nowhere else.
    pub(super) fn is_fargate(&self) -> bool {
        match self {
            Self::Fargate => true,
            Self::Providers(names) => {
                !names.is_empty() && names.iter().all(|name| is_fargate_provider(name))
            }
            Self::Ec2 | Self::External => false,
        }
    }

    /// Whether instances of the cluster must have room.
    pub(super) fn needs_instances(&self) -> bool {
        match self {
            Self::Ec2 => true,
            Self::Providers(names) => names.iter().any(|name| !is_fargate_provider(name)),
            Self::Fargate | Self::External => false,
        }
    }

    /// As requiresCompatibilities names it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            _ if self.is_fargate() => "FARGATE",
            Self::External => "EXTERNAL",
            _ => "EC2",
        }
    }
}

pub(super) fn is_fargate_provider(name: &str) -> bool {
    matches!(name, "FARGATE" | "FARGATE_SPOT")
}

impl Intent {
    pub(super) fn of(flags: &Flags, live: Option<&Service>) -> Self {
        let configuration = live.and_then(Service::deployment_configuration);
        let is_daemon =
            live.and_then(Service::scheduling_strategy) == Some(&SchedulingStrategy::Daemon);
        let percent = |flag: Option<i32>, live: Option<i32>, default: i32| {
            i64::from(flag.or(live).unwrap_or(default))
        };
        let network = live
            .and_then(Service::network_configuration)
            .and_then(|network| network.awsvpc_configuration());
        let watched = configuration
            .and_then(|configuration| configuration.alarms())
            .filter(|alarms| alarms.enable())
            .map(|alarms| alarms.alarm_names().to_vec());
        Self {
            desired: i64::from(
                flags
                    .desired
                    .or(live.map(Service::desired_count))
                    .unwrap_or(1),
            ),
            running: live.map_or(0, |live| i64::from(live.running_count())),
            minimum_percent: percent(
                flags.minimum_percent,
                configuration.and_then(|it| it.minimum_healthy_percent()),
                if is_daemon { 0 } else { 100 },
            ),
            maximum_percent: percent(
                flags.maximum_percent,
                configuration.and_then(|it| it.maximum_percent()),
                if is_daemon { 100 } else { 200 },
            ),
            launch: launch(flags, live),
            strategy: match configuration.and_then(|it| it.strategy()) {
                None | Some(DeploymentStrategy::Rolling) => Strategy::Rolling,
                Some(_) => Strategy::Beside,
            },
            is_daemon,
            balanced: balanced(flags, live),
            grace: i64::from(
                flags
                    .grace
                    .or(live.and_then(Service::health_check_grace_period_seconds))
                    .unwrap_or(0),
            ),
            subnets: or_else(&flags.subnets, network.map(|it| it.subnets().to_vec())),
            security_groups: or_else(
                &flags.security_groups,
                network.map(|it| it.security_groups().to_vec()),
            ),
            alarms: or_else(&flags.alarms, watched),
            controller: live
                .and_then(Service::deployment_controller)
                .map(|controller| controller.r#type())
                .filter(|kind| **kind != DeploymentControllerType::Ecs)
                .map(|kind| kind.as_str().to_owned()),
        }
    }

    /// Healthy tasks that are kept during a release: rounded up, as ECS does.
    pub(super) fn floor(&self) -> i64 {
        (self.desired * self.minimum_percent + 99) / 100
    }

    /// Tasks that there are at most during a release: rounded down, as ECS does; all twice where a second set
    /// is started beside the first.
    pub(super) fn peak(&self) -> i64 {
        match self.strategy {
            Strategy::Rolling => self.desired * self.maximum_percent / 100,
            Strategy::Beside => self.desired * 2,
        }
    }
}

fn or_else(flags: &[String], live: Option<Vec<String>>) -> Vec<String> {
    if flags.is_empty() {
        live.unwrap_or_default()
    } else {
        flags.to_vec()
    }
}

fn launch(flags: &Flags, live: Option<&Service>) -> Launch {
    if let Some(launch) = flags.launch {
        return match launch {
            create::Launch::Ec2 => Launch::Ec2,
            create::Launch::Fargate => Launch::Fargate,
        };
    }
    let Some(live) = live else {
        return Launch::Ec2;
    };
    let providers = live.capacity_provider_strategy();
    match live.launch_type() {
        _ if !providers.is_empty() => Launch::Providers(
            providers
                .iter()
                .map(|item| item.capacity_provider().to_owned())
                .collect(),
        ),
        Some(LaunchType::Fargate) => Launch::Fargate,
        Some(LaunchType::External) => Launch::External,
        _ => Launch::Ec2,
    }
}

fn balanced(flags: &Flags, live: Option<&Service>) -> Vec<Balanced> {
    match (&flags.balanced, live) {
        (Some(balanced), _) => vec![balanced.clone()],
        (None, Some(live)) => live
            .load_balancers()
            .iter()
            .filter_map(|balancer| {
                Some(Balanced {
                    target_group: balancer.target_group_arn()?.to_owned(),
                    container: balancer.container_name().unwrap_or_default().to_owned(),
                    port: balancer.container_port().unwrap_or_default(),
                })
            })
            .collect(),
        (None, None) => Vec::new(),
    }
}

#[cfg(test)]
impl Intent {
    /// A service of `desired` tasks at ECS's defaults, on instances, all of it running.
    pub(super) fn sample(desired: i64) -> Self {
        Self {
            desired,
            running: desired,
            minimum_percent: 100,
            maximum_percent: 200,
            launch: Launch::Ec2,
            strategy: Strategy::Rolling,
            is_daemon: false,
            balanced: Vec::new(),
            grace: 0,
            subnets: Vec::new(),
            security_groups: Vec::new(),
            alarms: Vec::new(),
            controller: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::{
        AwsVpcConfiguration, CapacityProviderStrategyItem, DeploymentAlarms,
        DeploymentConfiguration, LoadBalancer, NetworkConfiguration,
    };

    fn live() -> Service {
        let network = AwsVpcConfiguration::builder()
            .subnets("subnet-1")
            .security_groups("sg-1")
            .build()
            .unwrap();
        Service::builder()
            .desired_count(3)
            .running_count(2)
            .capacity_provider_strategy(
                CapacityProviderStrategyItem::builder()
                    .capacity_provider("FARGATE_SPOT")
                    .build()
                    .unwrap(),
            )
            .deployment_configuration(
                DeploymentConfiguration::builder()
                    .maximum_percent(150)
                    .minimum_healthy_percent(50)
                    .alarms(
                        DeploymentAlarms::builder()
                            .alarm_names("errors")
                            .enable(true)
                            .rollback(true)
                            .build()
                            .unwrap(),
                    )
                    .build(),
            )
            .load_balancers(
                LoadBalancer::builder()
                    .target_group_arn("arn:tg")
                    .container_name("web")
                    .container_port(80)
                    .build(),
            )
            .network_configuration(
                NetworkConfiguration::builder()
                    .awsvpc_configuration(network)
                    .build(),
            )
            .health_check_grace_period_seconds(7)
            .build()
    }

    #[test]
    fn takes_what_the_service_has() {
        let expected = Intent {
            desired: 3,
            running: 2,
            minimum_percent: 50,
            maximum_percent: 150,
            launch: Launch::Providers(vec!["FARGATE_SPOT".to_owned()]),
            balanced: vec![Balanced {
                target_group: "arn:tg".to_owned(),
                container: "web".to_owned(),
                port: 80,
            }],
            grace: 7,
            subnets: vec!["subnet-1".to_owned()],
            security_groups: vec!["sg-1".to_owned()],
            alarms: vec!["errors".to_owned()],
            ..Intent::sample(3)
        };
        let intent = Intent::of(&Flags::default(), Some(&live()));
        assert_eq!(intent, expected);
        assert_eq!((intent.floor(), intent.peak()), (2, 4));
        assert!(intent.launch.is_fargate());
    }

    #[test]
    fn flags_go_first_and_stand_alone() {
        let flags = Flags {
            desired: Some(5),
            minimum_percent: Some(90),
            launch: Some(create::Launch::Ec2),
            subnets: vec!["subnet-2".to_owned()],
            ..Flags::default()
        };
        let intent = Intent::of(&flags, Some(&live()));
        let seen = (
            intent.desired,
            intent.minimum_percent,
            intent.maximum_percent,
            &intent.launch,
        );
        assert_eq!(seen, (5, 90, 150, &Launch::Ec2));
        assert_eq!(intent.subnets, ["subnet-2"]);
        let alone = Intent::of(&Flags::default(), None);
        assert_eq!(
            alone,
            Intent {
                running: 0,
                ..Intent::sample(1)
            }
        );
    }
}
