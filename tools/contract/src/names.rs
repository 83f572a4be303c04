//! The names of the resources that belong to a project, in one place, so that every tool finds them.
//!
//! A cluster, a load balancer and a repository serve all environments of an application; a service, its
//! target group and its log group belong to one environment.

/// What a name is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    app: String,
    environment: String,
}

impl Names {
    /// The names of `environment` of `app`.
    #[must_use]
    pub fn new(app: &str, environment: &str) -> Self {
        Self {
            app: app.to_owned(),
            environment: environment.to_owned(),
        }
    }

    /// `APP`.
    #[must_use]
    pub fn cluster(&self) -> String {
        self.app.clone()
    }

    /// `APP`.
    #[must_use]
    pub fn repository(&self) -> String {
        self.app.clone()
    }

    /// `APP`.
    #[must_use]
    pub fn load_balancer(&self) -> String {
        self.app.clone()
    }

    /// `APP-ENV-SERVICE`.
    #[must_use]
    pub fn service(&self, service: &str) -> String {
        format!("{}-{}-{service}", self.app, self.environment)
    }

    /// The task definition's family: the service's name.
    #[must_use]
    pub fn family(&self, service: &str) -> String {
        self.service(service)
    }

    /// The target group's name: the service's.
    #[must_use]
    pub fn target_group(&self, service: &str) -> String {
        self.service(service)
    }

    /// `/ecs/APP/ENV`. Streams are `SERVICE/CONTAINER/TASK`, the prefix being the service's short name.
    #[must_use]
    pub fn log_group(&self) -> String {
        format!("/ecs/{}/{}", self.app, self.environment)
    }

    /// `APP-ENV-SERVICE-WHAT`.
    #[must_use]
    pub fn alarm(&self, service: &str, what: &str) -> String {
        format!("{}-{what}", self.service(service))
    }

    /// `APP-ENV-`: what the names of everything in the environment begin with, and no other environment's.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{}-{}-", self.app, self.environment)
    }

    /// `APP-ENV-alarms`: the topic that alarms are announced on.
    #[must_use]
    pub fn topic(&self) -> String {
        format!("{}-{}-alarms", self.app, self.environment)
    }

    /// `APP-ENV-SERVICE`: the dashboard's name is the service's.
    #[must_use]
    pub fn dashboard(&self, service: &str) -> String {
        self.service(service)
    }

    /// Where Container Insights' rule has the life of the cluster's tasks written to, as CloudWatch's console makes it.
    #[must_use]
    pub fn lifecycle_log_group(&self) -> String {
        format!(
            "/aws/events/ecs/containerinsights/{}/performance",
            self.cluster()
        )
    }
}

/// The longest name that a target group may have (Elastic Load Balancing's limit).
pub const TARGET_GROUP_LIMIT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_resources_of_an_environment() {
        let names = Names::new("ludlow", "prod");
        assert_eq!(names.cluster(), "ludlow");
        assert_eq!(names.service("api"), "ludlow-prod-api");
        assert_eq!(names.log_group(), "/ecs/ludlow/prod");
        assert_eq!(
            names.alarm("api", "target-5xx"),
            "ludlow-prod-api-target-5xx"
        );
    }
}
