use super::*;

fn outline(strategy: Strategy, steps: &[u16]) -> Outline {
    Outline {
        strategy,
        steps: steps.to_vec(),
        step_wait_s: 60,
        bake_s: 300,
        must_reconcile: false,
    }
}

/// `STAGE production test wait`, one a stop.
fn words(outline: &Outline) -> Vec<String> {
    course(outline)
        .iter()
        .map(|stop| {
            let test = if stop.test { " test" } else { "" };
            format!(
                "{} {}{test} {}",
                stop.stage.as_str(),
                stop.production,
                stop.wait_s
            )
        })
        .collect()
}

#[test]
fn blue_green_shifts_all_at_once() {
    assert_eq!(
        words(&outline(Strategy::BlueGreen, &[])),
        [
            "PRE_SCALE_UP 0 0",
            "SCALE_UP 0 0",
            "POST_SCALE_UP 0 0",
            "TEST_TRAFFIC_SHIFT 0 test 0",
            "POST_TEST_TRAFFIC_SHIFT 0 test 0",
            "PRE_PRODUCTION_TRAFFIC_SHIFT 0 test 0",
            "PRODUCTION_TRAFFIC_SHIFT 1000 test 0",
            "POST_PRODUCTION_TRAFFIC_SHIFT 1000 test 0",
            "BAKE_TIME 1000 test 300",
            "CLEAN_UP 1000 test 0",
        ]
    );
}

#[test]
fn canary_waits_after_its_first_step() {
    let stops = words(&outline(Strategy::Canary, &[50]));
    assert_eq!(
        stops[5..9],
        [
            "PRE_PRODUCTION_TRAFFIC_SHIFT 0 test 0",
            "PRODUCTION_TRAFFIC_SHIFT 50 test 60",
            "PRE_PRODUCTION_TRAFFIC_SHIFT 50 test 0",
            "PRODUCTION_TRAFFIC_SHIFT 1000 test 0",
        ]
    );
}

#[test]
fn linear_takes_equal_steps_and_does_not_wait_after_the_last() {
    let stops = words(&outline(Strategy::Linear, &linear_steps(300)));
    let shifts: Vec<&String> = stops
        .iter()
        .filter(|stop| stop.starts_with("PRODUCTION"))
        .collect();
    assert_eq!(
        shifts,
        [
            "PRODUCTION_TRAFFIC_SHIFT 300 test 60",
            "PRODUCTION_TRAFFIC_SHIFT 600 test 60",
            "PRODUCTION_TRAFFIC_SHIFT 900 test 60",
            "PRODUCTION_TRAFFIC_SHIFT 1000 test 0",
        ]
    );
    assert_eq!(linear_steps(1000), [0_u16; 0]);
    assert_eq!(linear_steps(500), [500]);
    assert_eq!(linear_steps(30).len(), 33);
}

#[test]
fn reconciles_first_if_it_must() {
    let outline = Outline {
        must_reconcile: true,
        ..outline(Strategy::BlueGreen, &[])
    };
    assert_eq!(
        words(&outline)[..2],
        ["RECONCILE_SERVICE 0 0", "PRE_SCALE_UP 0 0"]
    );
}

#[test]
fn rolling_shifts_no_traffic() {
    assert_eq!(
        words(&outline(Strategy::Rolling, &[])),
        [
            "PRE_SCALE_UP 0 0",
            "SCALE_UP 0 0",
            "POST_SCALE_UP 0 0",
            "BAKE_TIME 0 300"
        ]
    );
    for stop in course(&outline(Strategy::Rolling, &[])) {
        assert!(stop.stage.is_of_rolling(), "{stop:?}");
    }
}

/// Whether a stop without a wait lets through what `seen` says: `h` hooks passed, `g` green ready, `o` old gone,
/// `t` third ones gone.
fn passes(strategy: Strategy, stage: Stage, seen: &str) -> bool {
    let stop = Stop {
        stage,
        production: 0,
        test: false,
        wait_s: 0,
    };
    let seen = Seen {
        waited_s: 0,
        hooks_passed: seen.contains('h'),
        green_ready: seen.contains('g'),
        old_gone: seen.contains('o'),
        others_gone: seen.contains('t'),
    };
    may_go_on(strategy, &stop, &seen)
}

#[test]
fn each_stage_waits_for_what_it_wants() {
    let cases = [
        (Stage::ReconcileService, "hgo", "ht"),
        (Stage::PreScaleUp, "got", "h"),
        (Stage::ScaleUp, "hot", "hg"),
        (Stage::PostScaleUp, "got", "h"),
        (Stage::TestTrafficShift, "got", "h"),
        (Stage::PostTestTrafficShift, "got", "h"),
        (Stage::PreProductionTrafficShift, "got", "h"),
        (Stage::ProductionTrafficShift, "got", "h"),
        (Stage::PostProductionTrafficShift, "got", "h"),
        (Stage::BakeTime, "got", "h"),
        (Stage::CleanUp, "hgt", "ho"),
    ];
    for (stage, too_little, enough) in cases {
        assert!(!passes(Strategy::BlueGreen, stage, too_little), "{stage:?}");
        assert!(passes(Strategy::BlueGreen, stage, enough), "{stage:?}");
    }
}

#[test]
fn a_rolling_update_has_scaled_up_when_the_old_tasks_are_gone() {
    assert!(!passes(Strategy::Rolling, Stage::ScaleUp, "hg"));
    assert!(!passes(Strategy::Rolling, Stage::ScaleUp, "ho"));
    assert!(passes(Strategy::Rolling, Stage::ScaleUp, "hgo"));
}

#[test]
fn stays_for_its_wait() {
    let stop = Stop {
        stage: Stage::BakeTime,
        production: ALL,
        test: true,
        wait_s: 300,
    };
    let seen = |waited_s| Seen {
        waited_s,
        hooks_passed: true,
        green_ready: true,
        old_gone: false,
        others_gone: true,
    };
    assert!(!may_go_on(Strategy::BlueGreen, &stop, &seen(299)));
    assert!(may_go_on(Strategy::BlueGreen, &stop, &seen(300)));
}

#[test]
fn green_is_scaled_up_beside_blue_until_the_clean_up() {
    let wanted = |stage| {
        let sides = sides(Strategy::Canary, stage, 4).unwrap();
        (sides.blue, sides.green, sides.others_go)
    };
    assert_eq!(wanted(Stage::ReconcileService), (4, 0, true));
    assert_eq!(wanted(Stage::PreScaleUp), (4, 0, true));
    for stage in Stage::EVERY
        .into_iter()
        .filter(|stage| (Stage::ScaleUp..Stage::CleanUp).contains(stage))
    {
        assert_eq!(wanted(stage), (4, 4, true), "{stage:?}");
    }
    assert_eq!(wanted(Stage::CleanUp), (0, 4, true));
}

#[test]
fn a_rolling_update_holds_its_tasks_only_before_it_begins() {
    let held = Sides {
        blue: 4,
        green: 0,
        others_go: false,
    };
    assert_eq!(sides(Strategy::Rolling, Stage::PreScaleUp, 4), Some(held));
    for stage in [Stage::ScaleUp, Stage::PostScaleUp, Stage::BakeTime] {
        assert_eq!(sides(Strategy::Rolling, stage, 4), None);
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for stage in Stage::EVERY {
        assert_eq!(Stage::parse(stage.as_str()), Some(stage));
    }
    for name in ["ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"] {
        assert_eq!(Strategy::parse(name).unwrap().as_str(), name);
    }
    assert_eq!(
        Stage::PreProductionTrafficShift.shown(),
        "PRODUCTION_TRAFFIC_SHIFT"
    );
    let pausable: Vec<&str> = Stage::EVERY
        .into_iter()
        .filter(|stage| stage.can_pause())
        .map(Stage::as_str)
        .collect();
    assert_eq!(
        pausable,
        [
            "RECONCILE_SERVICE",
            "PRE_SCALE_UP",
            "POST_SCALE_UP",
            "POST_TEST_TRAFFIC_SHIFT",
            "PRE_PRODUCTION_TRAFFIC_SHIFT",
            "POST_PRODUCTION_TRAFFIC_SHIFT",
        ]
    );
}
