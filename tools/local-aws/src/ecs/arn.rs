//! The ARNs of ECS.

use crate::account::Account;

/// Builds ARNs of one account.
#[derive(Debug, Clone)]
pub(crate) struct Arns {
    account: Account,
}

impl Arns {
    pub(crate) fn new(account: Account) -> Self {
        Self { account }
    }

    pub(crate) fn cluster(&self, name: &str) -> String {
        self.account.arn("ecs", &format!("cluster/{name}"))
    }

    pub(crate) fn definition(&self, family: &str, revision: u32) -> String {
        self.account
            .arn("ecs", &format!("task-definition/{family}:{revision}"))
    }

    pub(crate) fn service(&self, cluster: &str, name: &str) -> String {
        self.account
            .arn("ecs", &format!("service/{cluster}/{name}"))
    }

    pub(crate) fn task(&self, cluster: &str, id: &str) -> String {
        self.account.arn("ecs", &format!("task/{cluster}/{id}"))
    }

    pub(crate) fn container(&self, cluster: &str, task: &str, name: &str) -> String {
        self.account
            .arn("ecs", &format!("container/{cluster}/{task}/{name}"))
    }

    pub(crate) fn container_instance(&self, cluster: &str, id: &str) -> String {
        self.account
            .arn("ecs", &format!("container-instance/{cluster}/{id}"))
    }

    pub(crate) fn service_deployment(&self, cluster: &str, service: &str, id: &str) -> String {
        self.account.arn(
            "ecs",
            &format!("service-deployment/{cluster}/{service}/{id}"),
        )
    }

    pub(crate) fn service_revision(&self, cluster: &str, service: &str, number: &str) -> String {
        self.account.arn(
            "ecs",
            &format!("service-revision/{cluster}/{service}/{number}"),
        )
    }
}

/// The last part of an ARN, or the name itself.
pub(crate) fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
