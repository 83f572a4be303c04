//! What was done, for DescribeScalingActivities.

use std::sync::{MutexGuard, PoisonError};

use super::model::Activity;
use super::{AutoScaling, only_ecs, page, paged};
use crate::protocol::{Answer, AwsError, Input};
use crate::state::{Document as _, delete_in, put_in};

/// How many are kept, of all targets; AWS keeps those of six weeks.
const MOST: usize = 500;

impl AutoScaling {
    /// The newest first.
    pub(super) fn describe_activities(&self, input: &Input<'_>) -> Answer {
        only_ecs(input, false)?;
        if input.flag("IncludeNotScaledActivities")? == Some(true) {
            return Err(input.refuse(
                "local-aws keeps no activities that did not scale; leave IncludeNotScaledActivities out",
            ));
        }
        let resource_id = input.text("ResourceId")?;
        let activities = self.activities();
        let found = activities
            .iter()
            .rev()
            .filter(|activity| resource_id.is_none_or(|id| id == activity.resource_id));
        let (found, next) = page(input, found, |activity| {
            // Sorts as the list does: backwards in time.
            format!("{:020}-{}", i64::MAX - activity.start_ms, activity.id)
        })?;
        let views: Vec<_> = found.into_iter().map(Activity::view).collect();
        Ok(paged("ScalingActivities", &views, next))
    }

    /// Keeps one more, and forgets the oldest beyond what is kept.
    pub(super) fn note(&self, activity: Activity) -> Result<(), AwsError> {
        let mut activities = self.activities();
        let surplus = (activities.len() + 1).saturating_sub(MOST);
        self.parts.store.transaction(|transaction| {
            put_in(transaction, &activity)?;
            activities[..surplus]
                .iter()
                .try_for_each(|old| delete_in::<Activity>(transaction, &old.key()))
        })?;
        activities.drain(..surplus);
        activities.push(activity);
        Ok(())
    }

    fn activities(&self) -> MutexGuard<'_, Vec<Activity>> {
        // Memory is only changed after the store, in steps that cannot fail.
        self.activities
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
