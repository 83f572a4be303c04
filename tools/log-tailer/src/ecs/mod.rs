//! What ECS knows about a service or a task: where its containers write, which tasks it has and had, and what
//! happens to it.

pub(crate) mod news;
pub(crate) mod places;
pub(crate) mod verdict;
pub(crate) mod watch;

/// What `CLUSTER/NAME` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or ARN.
    pub cluster: String,
    /// What of the cluster.
    pub subject: Subject,
}

/// A service, or one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A service by its name.
    Service(String),
    /// A task by its id.
    Task(String),
}

impl Target {
    /// Reads `CLUSTER/SERVICE`, `CLUSTER/TASK-ID`, or the ARN of either.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let path = match text.strip_prefix("arn:") {
            Some(arn) => {
                let (_, resource) = arn.rsplit_once(':')?;
                resource
                    .strip_prefix("service/")
                    .or_else(|| resource.strip_prefix("task/"))?
            }
            None => text,
        };
        let (cluster, name) = path.split_once('/')?;
        if cluster.is_empty() || name.is_empty() || name.contains('/') {
            return None;
        }
        let subject = if is_task_id(name) {
            Subject::Task(name.to_owned())
        } else {
            Subject::Service(name.to_owned())
        };
        Some(Self {
            cluster: cluster.to_owned(),
            subject,
        })
    }

    /// The name of the service or the id of the task.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.subject {
            Subject::Service(name) | Subject::Task(name) => name,
        }
    }
}

/// Whether it is the id of a task: 32 hexadecimal digits.
pub(crate) fn is_task_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_services_from_tasks() {
        let id = "0123456789abcdef0123456789abcdef";
        let service = |name: &str| Subject::Service(name.to_owned());
        let table = [
            ("ludlow/api", Some(service("api"))),
            (
                "arn:aws:ecs:us-east-1:1:service/ludlow/api",
                Some(service("api")),
            ),
            (
                "ludlow/0123456789abcdef0123456789abcdef",
                Some(Subject::Task(id.to_owned())),
            ),
            (
                "arn:aws:ecs:us-east-1:1:task/ludlow/0123456789abcdef0123456789abcdef",
                Some(Subject::Task(id.to_owned())),
            ),
            ("ludlow", None),
            ("/api", None),
            ("ludlow/", None),
            ("a/b/c", None),
        ];
        for (text, subject) in table {
            let target = subject.map(|subject| Target {
                cluster: "ludlow".to_owned(),
                subject,
            });
            assert_eq!(Target::parse(text), target, "{text}");
        }
    }
}
