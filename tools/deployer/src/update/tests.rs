//! Command lines of `ecs deploy` and what becomes of a task definition.
