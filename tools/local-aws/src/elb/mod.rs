//! Elastic Load Balancing v2: load balancers, listeners, rules, target groups, with a real proxy and real health checks.
