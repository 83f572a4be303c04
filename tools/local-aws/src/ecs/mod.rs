//! Amazon ECS: clusters, task definitions, services, tasks, and the scheduler that moves them.
