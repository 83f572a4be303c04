//! AWS cannot be reached, or does not want to answer, while a deployment is under way.

use std::time::Duration;

use crate::stage::Stage;

#[test]
fn survives_an_api_that_is_away_for_twenty_seconds() {
    let (mut stage, _good) = Stage::with_service();
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let mut running = stage.begin(&next, &[]);
    running.says("deployment ecs-svc/");
    stage.fell();
    let away = running.says("the deployment goes on, and so does the watch");
    std::thread::sleep(Duration::from_secs(20));
    stage.raise();
    let outcome = running.end();
    outcome.is(0, "completed", "runs ludlow-local-api:2");
    let lines = |words: &str| {
        format!("{away}{}", outcome.stderr)
            .lines()
            .filter(|line| line.contains(words))
            .count()
    };
    assert_eq!(lines("so does the watch"), 1);
    assert_eq!(lines("AWS answers again"), 1);
    stage.serves(outcome.document["task_definition"].as_str().unwrap());
}
