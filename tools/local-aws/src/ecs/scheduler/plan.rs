//! Which tasks of a service to start and to stop.
//!
//! Order of a pass: stop what must not run, start new tasks up to the cap, then stop old ones as long as the floor
//! of healthy tasks holds. The percentages are rounded in the service's favour: the floor up, the cap down
//! (botocore's model, DeploymentConfiguration).

/// A service as the scheduler sees it.
#[derive(Debug, Clone)]
pub(crate) struct Situation<'a> {
    pub(crate) desired: u32,
    pub(crate) minimum_percent: u32,
    pub(crate) maximum_percent: u32,
    /// The deployment whose tasks are wanted.
    pub(crate) primary: &'a str,
    /// False while starts are held back.
    pub(crate) may_start: bool,
    /// Tasks that nobody has told to stop, oldest first.
    pub(crate) members: Vec<Member<'a>>,
}

/// A task of a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) task: &'a str,
    pub(crate) deployment: &'a str,
    pub(crate) health: Health,
    /// Whether it was ever healthy.
    pub(crate) has_worked: bool,
}

/// What counts of a task's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// Not yet known: it starts, or waits for its first checks.
    Pending,
    Healthy,
    Unhealthy,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start so many tasks of the primary deployment.
    Start(u32),
    /// Stop a task of another deployment, or one too many.
    Retire(String),
    /// Stop a task because it is unhealthy.
    Replace(String),
}

/// Healthy tasks that must be left.
pub(crate) fn floor(desired: u32, minimum_percent: u32) -> u32 {
    percent(desired, minimum_percent).div_ceil(100)
}

/// Tasks that there may be.
pub(crate) fn cap(desired: u32, maximum_percent: u32) -> u32 {
    percent(desired, maximum_percent) / 100
}

fn percent(desired: u32, percent: u32) -> u32 {
    desired.saturating_mul(percent)
}

/// Decides what one pass does.
pub(crate) fn plan(situation: &Situation<'_>) -> Vec<Action> {
    let floor = floor(situation.desired, situation.minimum_percent);
    let cap = cap(situation.desired, situation.maximum_percent);
    let is_new = |member: &&Member<'_>| member.deployment == situation.primary;
    let count = |health: Health, members: &[&Member<'_>]| {
        members
            .iter()
            .filter(|member| member.health == health)
            .count()
    };
    let new: Vec<&Member<'_>> = situation.members.iter().filter(is_new).collect();
    let old: Vec<&Member<'_>> = situation
        .members
        .iter()
        .filter(|member| !is_new(member))
        .collect();
    let mut actions = Vec::new();
    let mut total = situation.members.len();
    let mut healthy = count(Health::Healthy, &new) + count(Health::Healthy, &old);
    let usable = new.len() - count(Health::Unhealthy, &new);
    let (desired, floor, cap) = (situation.desired as usize, floor as usize, cap as usize);
    // Old tasks that do not serve are in the way if they never did, or once their place is needed; one that served
    // before may serve again, and is better than nothing until then.
    let missing = desired.saturating_sub(usable);
    let new_healthy = count(Health::Healthy, &new);
    for member in old.iter().filter(|member| member.health != Health::Healthy) {
        let is_needed = total + missing > cap || new_healthy >= desired;
        if !member.has_worked || is_needed {
            actions.push(Action::Retire(member.task.to_owned()));
            total -= 1;
        }
    }
    for member in surplus(&new, usable.saturating_sub(desired)) {
        actions.push(Action::Retire(member.task.to_owned()));
        total -= 1;
        healthy -= usize::from(member.health == Health::Healthy);
    }
    let starts = if situation.may_start {
        missing.min(cap.saturating_sub(total))
    } else {
        0
    };
    if starts > 0 {
        actions.push(Action::Start(u32::try_from(starts).unwrap_or(u32::MAX)));
        total += starts;
    }
    // An unhealthy task stays until another serves in its place, unless its place is needed for that other.
    for member in new
        .iter()
        .filter(|member| member.health == Health::Unhealthy)
    {
        if total >= cap || healthy >= desired {
            actions.push(Action::Replace(member.task.to_owned()));
            total -= 1;
        }
    }
    for member in old.iter().filter(|member| member.health == Health::Healthy) {
        if healthy > floor {
            actions.push(Action::Retire(member.task.to_owned()));
            healthy -= 1;
        }
    }
    actions
}

/// The tasks that go when a service is scaled in: those that do not serve first, the newest first.
fn surplus<'m>(new: &[&'m Member<'m>], count: usize) -> Vec<&'m Member<'m>> {
    let by_health = [Health::Pending, Health::Healthy].into_iter();
    by_health
        .flat_map(|health| {
            let newest_first = new.iter().rev();
            newest_first.filter(move |member| member.health == health)
        })
        .take(count)
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `nh` is a new healthy task, `op` an old pending one, `ow` an old one that has worked and is unhealthy.
    fn decide(desired: u32, percents: (u32, u32), tasks: &str) -> Vec<Action> {
        let words: Vec<&str> = tasks.split_whitespace().collect();
        let names: Vec<String> = words
            .iter()
            .enumerate()
            .map(|(index, word)| format!("{word}{index}"))
            .collect();
        let members = words
            .iter()
            .zip(&names)
            .map(|(word, name)| Member {
                task: name,
                deployment: if word.starts_with('n') { "new" } else { "old" },
                health: match &word[1..2] {
                    "h" => Health::Healthy,
                    "u" | "w" => Health::Unhealthy,
                    _ => Health::Pending,
                },
                has_worked: ["h", "w"].contains(&&word[1..2]),
            })
            .collect();
        plan(&Situation {
            desired,
            minimum_percent: percents.0,
            maximum_percent: percents.1,
            primary: "new",
            may_start: true,
            members,
        })
    }

    fn retire(name: &str) -> Action {
        Action::Retire(name.to_owned())
    }

    fn replace(name: &str) -> Action {
        Action::Replace(name.to_owned())
    }

    #[test]
    fn rounds_the_floor_up_and_the_cap_down() {
        assert_eq!((floor(3, 50), floor(1, 1), floor(0, 100)), (2, 1, 0));
        assert_eq!((cap(3, 125), cap(1, 150), cap(2, 200)), (3, 1, 4));
    }

    #[test]
    fn starts_what_is_missing() {
        assert_eq!(decide(2, (100, 200), ""), [Action::Start(2)]);
        assert_eq!(decide(2, (100, 200), "np nh"), []);
    }

    #[test]
    fn keeps_the_old_until_the_new_are_healthy() {
        assert_eq!(decide(2, (100, 200), "oh oh"), [Action::Start(2)]);
        assert_eq!(decide(2, (100, 200), "oh oh np np"), []);
        assert_eq!(decide(2, (100, 200), "oh oh nh np"), [retire("oh0")]);
        assert_eq!(decide(2, (100, 200), "oh nh np"), []);
        assert_eq!(
            decide(2, (100, 200), "oh oh nh nh"),
            [retire("oh0"), retire("oh1")]
        );
    }

    #[test]
    fn goes_below_the_desired_count_only_as_far_as_allowed() {
        // Desired 12 at 75/150: three old ones may go at once, and six new ones have room.
        let old = "oh ".repeat(12);
        let actions = decide(12, (75, 150), &old);
        assert_eq!(actions[0], Action::Start(6));
        assert_eq!(actions.len(), 4);
        assert_eq!(decide(2, (50, 100), "oh oh"), [retire("oh0")]);
        assert_eq!(decide(2, (50, 100), "oh"), [Action::Start(1)]);
    }

    #[test]
    fn is_stuck_where_the_percentages_allow_nothing() {
        assert_eq!(decide(3, (100, 125), "oh oh oh"), []);
    }

    #[test]
    fn lets_an_unhealthy_task_serve_until_another_does() {
        assert_eq!(decide(2, (100, 200), "nh nu"), [Action::Start(1)]);
        assert_eq!(decide(2, (100, 200), "nh nu np"), []);
        assert_eq!(decide(2, (100, 200), "nh nu nh"), [replace("nu1")]);
    }

    #[test]
    fn makes_room_for_another_attempt_at_the_cap() {
        assert_eq!(decide(2, (100, 200), "oh oh nu np"), [replace("nu2")]);
        assert_eq!(decide(2, (100, 200), "oh oh np"), [Action::Start(1)]);
    }

    #[test]
    fn retires_old_tasks_that_never_served() {
        assert_eq!(
            decide(2, (100, 200), "oh op ou"),
            [retire("op1"), retire("ou2"), Action::Start(2)]
        );
    }

    #[test]
    fn keeps_old_tasks_that_have_served_until_their_place_is_needed() {
        assert_eq!(decide(2, (100, 200), "ow ow"), [Action::Start(2)]);
        assert_eq!(decide(2, (100, 200), "ow ow np np"), []);
        assert_eq!(
            decide(2, (100, 200), "ow ow nh nh"),
            [retire("ow0"), retire("ow1")]
        );
        assert_eq!(
            decide(2, (100, 100), "oh ow"),
            [retire("ow1"), Action::Start(1)]
        );
    }

    #[test]
    fn scales_in_what_does_not_serve_first() {
        assert_eq!(
            decide(1, (100, 200), "nh nh np"),
            [retire("np2"), retire("nh1")]
        );
        assert_eq!(decide(0, (100, 200), "nh"), [retire("nh0")]);
    }
}
