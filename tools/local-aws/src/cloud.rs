//! All services of one local AWS, and the way from a service's name to its operations.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use task_runtime::Runtime;
use toolkit::Console;

use crate::account::Account;
use crate::autoscaling::{AutoScaling, AutoScalingParts};
use crate::clock::Clock;
use crate::cloudwatch::CloudWatch;
use crate::ec2::Ec2;
use crate::ecr::Ecr;
use crate::ecs::{Ecs, EcsParts};
use crate::elb::Elb;
use crate::iam::Iam;
use crate::logs::Logs;
use crate::protocol::{Answer, AwsError};
use crate::s3::S3;
use crate::secrets::Secrets;
use crate::sns::Sns;
use crate::ssm::Parameters;
use crate::state::Store;
use crate::sts::Sts;

/// A service by its place in the wire protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Elastic Container Service.
    Ecs,
    /// Elastic Container Registry.
    Ecr,
    /// Elastic Load Balancing, version 2.
    Elb,
    /// CloudWatch Logs.
    Logs,
    /// CloudWatch metrics and alarms.
    CloudWatch,
    /// Systems Manager's Parameter Store.
    Ssm,
    /// Secrets Manager.
    Secrets,
    /// Security Token Service.
    Sts,
    /// Application Auto Scaling.
    AutoScaling,
    /// Identity and Access Management.
    Iam,
    /// Elastic Compute Cloud: its networks.
    Ec2,
    /// Simple Storage Service, whose requests are of no dialect.
    S3,
    /// Simple Notification Service.
    Sns,
}

/// A service's names: target prefix, signing name, API version, XML namespace.
struct Names {
    service: Service,
    target: &'static str,
    signing: &'static str,
    version: &'static str,
    namespace: &'static str,
}

const NAMES: [Names; 13] = [
    names(
        Service::Ecs,
        "AmazonEC2ContainerServiceV20141113",
        "ecs",
        "2014-11-13",
        "",
    ),
    names(
        Service::Ecr,
        "AmazonEC2ContainerRegistry_V20150921",
        "ecr",
        "2015-09-21",
        "",
    ),
    names(
        Service::Elb,
        "ElasticLoadBalancing_v10",
        "elasticloadbalancing",
        "2015-12-01",
        "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
    ),
    names(Service::Logs, "Logs_20140328", "logs", "2014-03-28", ""),
    names(
        Service::CloudWatch,
        "GraniteServiceVersion20100801",
        "monitoring",
        "2010-08-01",
        "http://monitoring.amazonaws.com/doc/2010-08-01/",
    ),
    names(Service::Ssm, "AmazonSSM", "ssm", "2014-11-06", ""),
    names(
        Service::Secrets,
        "secretsmanager",
        "secretsmanager",
        "2017-10-17",
        "",
    ),
    names(
        Service::Sts,
        "AWSSecurityTokenServiceV20110615",
        "sts",
        "2011-06-15",
        "https://sts.amazonaws.com/doc/2011-06-15/",
    ),
    names(
        Service::AutoScaling,
        "AnyScaleFrontendService",
        "application-autoscaling",
        "2016-02-06",
        "",
    ),
    names(
        Service::Iam,
        "AWSIdentityManagementV20100508",
        "iam",
        "2010-05-08",
        "https://iam.amazonaws.com/doc/2010-05-08/",
    ),
    names(
        Service::Ec2,
        "AmazonEC2",
        "ec2",
        "2016-11-15",
        "http://ec2.amazonaws.com/doc/2016-11-15/",
    ),
    names(
        Service::S3,
        "AmazonS3",
        "s3",
        "2006-03-01",
        "http://s3.amazonaws.com/doc/2006-03-01/",
    ),
    names(
        Service::Sns,
        "AmazonSimpleNotificationService",
        "sns",
        "2010-03-31",
        "http://sns.amazonaws.com/doc/2010-03-31/",
    ),
];

const fn names(
    service: Service,
    target: &'static str,
    signing: &'static str,
    version: &'static str,
    namespace: &'static str,
) -> Names {
    Names {
        service,
        target,
        signing,
        version,
        namespace,
    }
}

impl Service {
    /// By the part of `X-Amz-Target` before the dot.
    #[must_use]
    pub fn by_target(prefix: &str) -> Option<Self> {
        Self::find(|names| names.target == prefix)
    }

    /// By the service in a signature's scope.
    #[must_use]
    pub fn by_signing_name(name: &str) -> Option<Self> {
        Self::find(|names| names.signing == name)
    }

    /// By the `Version` of a query.
    #[must_use]
    pub fn by_version(version: &str) -> Option<Self> {
        Self::find(|names| names.version == version)
    }

    /// The XML namespace of its answers; empty for services that do not speak the query dialect.
    #[must_use]
    pub fn namespace(self) -> &'static str {
        self.names().namespace
    }

    /// Its short name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names().signing
    }

    /// The names that signatures have for the services.
    pub(crate) fn signing_names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|names| names.signing)
    }

    fn find(is_meant: impl Fn(&Names) -> bool) -> Option<Self> {
        NAMES
            .iter()
            .find(|names| is_meant(names))
            .map(|names| names.service)
    }

    fn names(self) -> &'static Names {
        NAMES
            .iter()
            .find(|names| names.service == self)
            .expect("every service has its names")
    }
}

/// What a local AWS is opened with.
#[derive(Debug)]
pub struct Settings {
    /// Account and region that ARNs name.
    pub account: Account,
    /// The pace of AWS's waits.
    pub clock: Clock,
    /// `127.0.0.1:PORT`, as image references contain it.
    pub endpoint_host: String,
    /// How tasks run.
    pub runtime: Runtime,
    /// Where the services say what deserves a person's attention.
    pub console: Arc<Console>,
}

/// The services of one local AWS.
pub struct Cloud {
    /// The pace of AWS's waits.
    pub clock: Clock,
    /// Account and region that ARNs name.
    pub account: Account,
    /// What survives.
    pub store: Arc<Store>,
    /// Images.
    pub ecr: Arc<Ecr>,
    /// Load balancers.
    pub elb: Arc<Elb>,
    /// Log groups.
    pub logs: Arc<Logs>,
    /// Metrics and alarms.
    pub cloudwatch: Arc<CloudWatch>,
    /// Parameters.
    pub ssm: Arc<Parameters>,
    /// Secrets.
    pub secrets: Arc<Secrets>,
    /// Clusters, services, tasks.
    pub ecs: Arc<Ecs>,
    /// Who the caller is.
    pub sts: Sts,
    /// What sets services' desired counts.
    pub autoscaling: Arc<AutoScaling>,
    /// Roles.
    pub iam: Iam,
    /// Networks.
    pub ec2: Ec2,
    /// Buckets.
    pub s3: Arc<S3>,
    /// Topics.
    pub sns: Arc<Sns>,
}

/// What watches the others: logs are counted as metrics, and alarms on these are announced.
struct Observation {
    sns: Arc<Sns>,
    cloudwatch: Arc<CloudWatch>,
    logs: Arc<Logs>,
}

impl Observation {
    fn open(
        store: &Arc<Store>,
        account: &Account,
        clock: Clock,
        directory: &Path,
        endpoint_host: &str,
        console: &Arc<Console>,
    ) -> anyhow::Result<Self> {
        let kept = || Arc::clone(store);
        let sns = Sns::open(
            kept(),
            account.clone(),
            clock,
            directory,
            endpoint_host,
            Arc::clone(console),
        )?;
        let cloudwatch = CloudWatch::open(kept(), account.clone(), clock)?;
        cloudwatch.announce_by(Arc::clone(&sns));
        let logs = Logs::open(kept(), account.clone(), clock)?;
        logs.count_in(Arc::clone(&cloudwatch));
        Ok(Self {
            sns,
            cloudwatch,
            logs,
        })
    }
}

impl Cloud {
    /// Opens every service from the state in `directory`.
    pub fn open(store: Arc<Store>, directory: &Path, settings: Settings) -> anyhow::Result<Self> {
        let Settings {
            account,
            clock,
            endpoint_host,
            runtime,
            console,
        } = settings;
        let kept = || Arc::clone(&store);
        let watching =
            Observation::open(&store, &account, clock, directory, &endpoint_host, &console)?;
        let cloudwatch = || Arc::clone(&watching.cloudwatch);
        let ecr = Ecr::open(
            kept(),
            account.clone(),
            clock,
            &directory.join("registry"),
            endpoint_host,
        )?;
        let elb = Elb::open(kept(), account.clone(), clock, cloudwatch())?;
        let ssm = Parameters::open(kept(), account.clone(), clock)?;
        let secrets = Secrets::open(kept(), account.clone(), clock)?;
        let s3 = S3::open(kept(), clock);
        let ecs = Ecs::open(EcsParts {
            store: kept(),
            account: account.clone(),
            clock,
            ecr: Arc::clone(&ecr),
            elb: Arc::clone(&elb),
            logs: Arc::clone(&watching.logs),
            cloudwatch: cloudwatch(),
            ssm: Arc::clone(&ssm),
            secrets: Arc::clone(&secrets),
            s3: Arc::clone(&s3),
            directory: directory.to_owned(),
            runtime,
            console: Arc::clone(&console),
        })?;
        let autoscaling = AutoScaling::open(AutoScalingParts {
            store: kept(),
            account: account.clone(),
            clock,
            ecs: Arc::clone(&ecs),
            cloudwatch: cloudwatch(),
            console,
        })?;
        Ok(Self {
            ssm,
            secrets,
            ecs,
            ecr,
            elb,
            sts: Sts::new(account.clone()),
            iam: Iam::open(kept(), account.clone(), clock)?,
            ec2: Ec2::open(kept(), account.clone())?,
            s3,
            logs: watching.logs,
            cloudwatch: watching.cloudwatch,
            sns: watching.sns,
            autoscaling,
            clock,
            account,
            store,
        })
    }

    /// Starts what works by itself: listeners, health checks, alarms, the scheduler. Needs a tokio runtime.
    pub fn start(&self) -> anyhow::Result<()> {
        CloudWatch::start(&self.cloudwatch);
        self.elb.start();
        Ecs::start(&self.ecs)?;
        AutoScaling::start(&self.autoscaling);
        Ok(())
    }

    /// Runs one operation.
    pub fn call(&self, service: Service, operation: &str, input: &Value) -> Answer {
        match service {
            Service::Ecr => self.ecr.call(operation, input),
            Service::Elb => self.elb.call(operation, input),
            Service::Logs => self.logs.call(operation, input),
            Service::CloudWatch => self.cloudwatch.call(operation, input),
            Service::Sts => self.sts.call(operation, input),
            Service::AutoScaling => self.autoscaling.call(operation, input),
            Service::Iam => self.iam.call(operation, input),
            Service::Ec2 => self.ec2.call(operation, input),
            Service::Sns => self.sns.call(operation, input),
            Service::Ecs => self.ecs.call(operation, input),
            Service::Ssm => self.ssm.call(operation, input),
            Service::Secrets => self.secrets.call(operation, input),
            // It has a front of its own.
            Service::S3 => Err(AwsError::unsupported("s3", operation)),
        }
    }
}
