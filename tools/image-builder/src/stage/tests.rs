use super::*;
use crate::dockerfile::{Dockerfile, parse};
use crate::problem::Problems;

fn settings(arguments: &[(&str, &str)], target: Option<&str>) -> Settings {
    Settings {
        arguments: arguments
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        target: target.map(str::to_owned),
        platform: "linux/arm64".parse().unwrap(),
    }
}

fn file(source: &str) -> Dockerfile {
    parse("Dockerfile", source).unwrap()
}

/// The last stage, from a base with an environment, a command and a working directory.
fn evaluated(source: &str, arguments: &[(&str, &str)]) -> Result<Evaluated, Problems> {
    let file = file(source);
    let settings = settings(arguments, None);
    let graph = graph(&file, &settings)?;
    let start = Start {
        run: Run {
            env: Some(vec!["PATH=/bin".to_owned(), "BASE=b".to_owned()]),
            cmd: Some(vec!["/base".to_owned()]),
            working_dir: Some("/srv".to_owned()),
            ..Run::default()
        },
        author: None,
        triggers: Vec::new(),
    };
    evaluate(
        &file,
        graph.target,
        &graph.stages[&graph.target],
        start,
        &graph,
        &settings,
    )
}

fn text(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[test]
fn needs_only_what_the_target_needs() {
    let file = file(
        "ARG V=1\nFROM rust:$V AS build\nRUN make\nFROM scratch AS assets\nFROM assets AS mid\nCOPY --from=0 a b\n\
         FROM scratch AS last\nCOPY --from=mid a b\nCOPY --from=x.io/y:2 a b\n",
    );
    let graph_of = |target| graph(&file, &settings(&[], target)).unwrap();
    let numbers = |target| graph_of(target).stages.keys().copied().collect::<Vec<_>>();
    assert_eq!(numbers(None), [0, 1, 2, 3]);
    assert_eq!(numbers(Some("Assets")), [1]);
    assert_eq!(numbers(Some("2")), [0, 1, 2]);
    let all = graph_of(None);
    let platform: Platform = "linux/arm64".parse().unwrap();
    assert_eq!(
        all.stages[&0].base,
        Base::Image(
            "docker.io/library/rust:1".parse().unwrap(),
            platform.clone()
        )
    );
    assert_eq!(all.stages[&2].base, Base::Stage(1));
    assert_eq!(all.stages[&2].origins[&(6, 0)], Origin::Stage(0));
    assert_eq!(
        all.stages[&3].origins[&(9, 0)],
        Origin::Image("x.io/y:2".parse().unwrap(), platform)
    );
}

#[test]
fn expands_the_base_with_global_and_automatic_arguments() {
    let source =
        "ARG V=1\nARG IMAGE=r.io/a:${V}-$TARGETARCH\nFROM --platform=$BUILDPLATFORM $IMAGE\n";
    let base = |arguments: &[(&str, &str)]| {
        let settings = settings(arguments, None);
        let Base::Image(reference, platform) = graph(&file(source), &settings).unwrap().stages[&0]
            .base
            .clone()
        else {
            panic!("an image is expected")
        };
        (reference.to_string(), platform)
    };
    assert_eq!(base(&[]), ("r.io/a:1-arm64".to_owned(), Platform::host()));
    assert_eq!(base(&[("V", "2")]).0, "r.io/a:2-arm64");
}

#[test]
fn names_the_arguments_that_nothing_uses() {
    let file = file("ARG A\nFROM scratch\nARG B\n");
    let given = settings(
        &[("A", "1"), ("B", "2"), ("C", "3"), ("HTTP_PROXY", "x")],
        None,
    );
    assert_eq!(graph(&file, &given).unwrap().unused, ["C"]);
}

#[test]
fn reports_bases_and_sources_that_cannot_be() {
    let source = "FROM $NONE AS a\nFROM scratch\nCOPY --from=1 x y\nCOPY --from=$A x y\nCOPY --from=a x y\nCOPY --from=A:B:C x y\n";
    assert_eq!(
        graph(&file(source), &settings(&[], None))
            .unwrap_err()
            .to_string(),
        "Dockerfile:3: from=1: only stages before this one (number 1) can be copied from\n\
         Dockerfile:4: from=$A: variables are not replaced here; name a stage by FROM … AS, with the variable in the FROM\n\
         Dockerfile:6: A:B:C is no name of an image: a repository has lower-case letters, digits and - _ . / only\n\
         Dockerfile:1: FROM $NONE names nothing: its variable is not set by ARG before the first FROM"
    );
    assert_eq!(
        graph(&file("FROM scratch AS a\n"), &settings(&[], Some("b")))
            .unwrap_err()
            .to_string(),
        "Dockerfile:1: there is no stage b (a)"
    );
}

#[test]
fn sees_arguments_only_after_they_are_declared() {
    let source = "ARG V=1\nFROM scratch\nENV a=$V\nARG V\nENV b=$V\nARG W=w\nARG TARGETARCH\nENV c=$W$TARGETARCH\nENV W=env d=$W\nENV e=$W PATH=/x:$PATH\n";
    let environment = |arguments| evaluated(source, arguments).unwrap().run.env.unwrap();
    assert_eq!(
        environment(&[]),
        [
            "PATH=/x:/bin",
            "BASE=b",
            "a=",
            "b=1",
            "c=warm64",
            "W=env",
            "d=w",
            "e=env"
        ]
    );
    assert_eq!(
        environment(&[("V", "2"), ("W", "3")]),
        [
            "PATH=/x:/bin",
            "BASE=b",
            "a=",
            "b=2",
            "c=3arm64",
            "W=env",
            "d=3",
            "e=env"
        ]
    );
}

#[test]
fn writes_the_configuration() {
    let source = "FROM scratch\nENV P=9000\nLABEL a=\"1 2\" b=$BASE\nUSER $BASE:1\nEXPOSE 80 $P-9001/udp\nVOLUME /d /e\n\
                  SHELL [\"/bin/bash\", \"-c\"]\nCMD echo $HOME\nENTRYPOINT [\"/app\", \"$P\"]\nSTOPSIGNAL SIGINT\nMAINTAINER me\n\
                  HEALTHCHECK --interval=2s CMD true\nONBUILD COPY . .\n";
    let found = evaluated(source, &[]).unwrap();
    assert_eq!(
        serde_json::to_value(&found.run).unwrap(),
        serde_json::json!({
            "User": "b:1",
            "ExposedPorts": {"80/tcp": {}, "9000/udp": {}, "9001/udp": {}},
            "Env": ["PATH=/bin", "BASE=b", "P=9000"],
            "Entrypoint": ["/app", "$P"],
            "Cmd": ["/bin/bash", "-c", "echo $HOME"],
            "Volumes": {"/d": {}, "/e": {}},
            "WorkingDir": "/srv",
            "Labels": {"a": "1 2", "b": "b"},
            "StopSignal": "SIGINT",
            "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 2_000_000_000_u64},
            "Shell": ["/bin/bash", "-c"],
            "OnBuild": ["COPY . ."]
        })
    );
    assert_eq!(found.author.as_deref(), Some("me"));
}

#[test]
fn takes_away_the_bases_command_with_a_new_entry_point() {
    let command = |source| evaluated(source, &[]).unwrap().run.cmd;
    assert_eq!(command("FROM scratch\nUSER 1\n"), Some(text(&["/base"])));
    assert_eq!(command("FROM scratch\nENTRYPOINT [\"/x\"]\n"), None);
    assert_eq!(
        command("FROM scratch\nCMD [\"y\"]\nENTRYPOINT [\"/x\"]\n"),
        Some(text(&["y"]))
    );
}

#[test]
fn places_copies_relative_to_the_working_directory() {
    let destination = |to: &str| {
        let found = evaluated(&format!("FROM scratch\nWORKDIR app\nCOPY x {to}\n"), &[]).unwrap();
        let Action::Copy(copy) = &found.steps[1].action else {
            panic!("a copy is expected")
        };
        copy.destination.clone()
    };
    for (to, expected) in [
        ("y", "/srv/app/y"),
        (".", "/srv/app/"),
        ("./", "/srv/app/"),
        ("../z/", "/srv/z/"),
        ("/", "/"),
        ("/a/.", "/a/"),
        ("/../a", "/a"),
    ] {
        assert_eq!(destination(to), expected, "{to}");
    }
}

#[test]
fn makes_the_working_directory_for_the_user() {
    let found = evaluated("FROM scratch\nUSER 7\nWORKDIR /a/../b//c\n", &[]).unwrap();
    assert_eq!(found.run.working_dir.as_deref(), Some("/b/c"));
    assert_eq!(
        found.steps[1].action,
        Action::MakeDirectory {
            path: "b/c".to_owned(),
            user: Some("7".to_owned())
        }
    );
}

#[test]
fn keeps_build_arguments_out_of_the_history() {
    let found = evaluated(
        "FROM scratch\nARG TOKEN\nCOPY $TOKEN /x\n",
        &[("TOKEN", "s3cret")],
    )
    .unwrap();
    let sources: Vec<&str> = found
        .steps
        .iter()
        .map(|step| step.source.as_str())
        .collect();
    assert_eq!(sources, ["ARG TOKEN", "COPY $TOKEN /x"]);
}

#[test]
fn reports_every_mistake_with_its_line() {
    let source = "FROM scratch\nRUN --mount=target=$NONE make\nUSER $NONE\nEXPOSE x\nSTOPSIGNAL SIGFOO\nCOPY --chmod=u+x a b\nCOPY $NONE b\nENV a=${b\n";
    assert_eq!(
        evaluated(source, &[]).unwrap_err().to_string(),
        "Dockerfile:2: --mount $NONE is empty: its variable is not set\n\
         Dockerfile:3: USER $NONE is empty: its variable is not set\n\
         Dockerfile:4: x is no port: write 8080, 8080/udp or 8000-8010\n\
         Dockerfile:5: SIGFOO is no signal: write SIGTERM, SIGINT or a number\n\
         Dockerfile:6: --chmod takes an octal mode such as 755, not u+x\n\
         Dockerfile:7: the source $NONE is empty: its variable is not set\n\
         Dockerfile:8: cannot expand ${b: } is missing"
    );
}
