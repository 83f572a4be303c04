use super::*;

fn actions(source: &str) -> Vec<Action> {
    let file = parse("Dockerfile", &format!("FROM scratch\n{source}")).unwrap();
    file.stages
        .into_iter()
        .flat_map(|stage| stage.instructions)
        .map(|instruction| instruction.action)
        .collect()
}

fn text(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[test]
fn reads_stages_with_their_names_and_lines() {
    let file = parse(
        "Dockerfile",
        "ARG V=1\nFROM --platform=$BUILDPLATFORM rust:$V AS Build\n\nCOPY . .\nfrom scratch\n",
    )
    .unwrap();
    assert_eq!(
        file.globals,
        [(1, vec![("V".to_owned(), Some("1".to_owned()))])]
    );
    let first = &file.stages[0];
    assert_eq!(
        (
            first.line,
            first.name.as_deref(),
            first.base.as_str(),
            first.platform.as_deref()
        ),
        (2, Some("build"), "rust:$V", Some("$BUILDPLATFORM"))
    );
    assert_eq!(
        (
            first.instructions[0].line,
            first.instructions[0].source.as_str()
        ),
        (4, "COPY . .")
    );
    assert_eq!(
        (file.stages[1].line, file.stages[1].base.as_str()),
        (5, "scratch")
    );
}

#[test]
fn reads_copies() {
    let plain = Copy {
        unpacks: false,
        from: None,
        chown: None,
        chmod: None,
        link: false,
        sources: text(&["a", "b*"]),
        documents: Vec::new(),
        destination: "/c/".to_owned(),
    };
    assert_eq!(actions("COPY a b* /c/"), [Action::Copy(plain)]);
    let with_flags = Copy {
        unpacks: false,
        from: Some("build".to_owned()),
        chown: Some("1:2".to_owned()),
        chmod: Some("0755".to_owned()),
        link: true,
        sources: text(&["with space"]),
        documents: Vec::new(),
        destination: "/c".to_owned(),
    };
    assert_eq!(
        actions("copy --from=build --chown=1:2 --chmod=0755 --link [\"with space\", \"/c\"]"),
        [Action::Copy(with_flags)]
    );
}

#[test]
fn reads_commands_in_both_forms() {
    assert_eq!(
        actions(
            "ENTRYPOINT [\"/app\", \"--x\"]\nCMD echo \"$HOME\"\nCMD []\nSHELL [\"/bin/bash\", \"-c\"]"
        ),
        [
            Action::Entrypoint(Command::Exec(text(&["/app", "--x"]))),
            Action::Cmd(Command::Shell("echo \"$HOME\"".to_owned())),
            Action::Cmd(Command::Exec(Vec::new())),
            Action::Shell(text(&["/bin/bash", "-c"])),
        ]
    );
}

#[test]
fn reads_health_checks() {
    let check = Healthcheck {
        command: Some(Command::Exec(text(&["/app", "healthcheck"]))),
        interval: 5_000_000_000,
        timeout: 500_000_000,
        start_period: 60_000_000_000,
        start_interval: 0,
        retries: 3,
    };
    assert_eq!(
        actions(
            "HEALTHCHECK --interval=5s --timeout=500ms --start-period=1m --retries=3 CMD [\"/app\", \"healthcheck\"]\n\
             HEALTHCHECK NONE"
        ),
        [
            Action::Healthcheck(check),
            Action::Healthcheck(Healthcheck::default())
        ]
    );
}

#[test]
fn reads_the_small_instructions() {
    assert_eq!(
        actions(
            "ARG a b=\"c d\"\nENV k=v\nLABEL l=m\nWORKDIR /a b\nUSER 1:2\nEXPOSE 80 443/tcp\nVOLUME [\"/d\"]\n\
             STOPSIGNAL SIGINT\nMAINTAINER A B\nONBUILD COPY . /x\nRUN make"
        ),
        [
            Action::Arg(vec![
                ("a".to_owned(), None),
                ("b".to_owned(), Some("\"c d\"".to_owned()))
            ]),
            Action::Env(vec![("k".to_owned(), "v".to_owned())]),
            Action::Label(vec![("l".to_owned(), "m".to_owned())]),
            Action::Workdir("/a b".to_owned()),
            Action::User("1:2".to_owned()),
            Action::Expose(text(&["80", "443/tcp"])),
            Action::Volume(text(&["/d"])),
            Action::StopSignal("SIGINT".to_owned()),
            Action::Maintainer("A B".to_owned()),
            Action::OnBuild("COPY . /x".to_owned()),
            Action::Run(Box::new(Run {
                command: Command::Shell("make".to_owned()),
                documents: Vec::new(),
                mounts: Vec::new(),
                network: Network::Host,
            })),
        ]
    );
}

#[test]
fn reports_every_mistake_with_its_line() {
    let source = "ENV a=1\nFROM a b\nFROM scratch AS 1st\nFROM scratch AS x\nFROM scratch AS x\nCOYP a b\nCOPY a\n\
                  COPY --form=x a b\nCOPY --parents a b\nADD https://x.y/z /\nSHELL bash\nHEALTHCHECK --interval=5 CMD x\n\
                  HEALTHCHECK x\nCMD [1]\nONBUILD FROM x\nEXPOSE\nCOPY --link=maybe a b\n";
    assert_eq!(
        parse("app/Dockerfile", source).unwrap_err().to_string(),
        "app/Dockerfile:1: before the first FROM there can be only ARG\n\
         app/Dockerfile:2: FROM takes an image, or an image, AS and a name\n\
         app/Dockerfile:3: 1st is no name for a stage: it begins with a letter and has letters, digits, -, _ and . only\n\
         app/Dockerfile:5: there are two stages named x\n\
         app/Dockerfile:6: COYP is no instruction; did you mean COPY?\n\
         app/Dockerfile:7: COPY needs at least one source and a destination\n\
         app/Dockerfile:8: COPY has no flag --form\n\
         app/Dockerfile:9: the embedded engine does not support COPY --parents\n\
         app/Dockerfile:10: the embedded engine does not ADD from the network (https://x.y/z); fetch it before the build, check its digest, and COPY it\n\
         app/Dockerfile:11: SHELL takes a list: SHELL [\"program\", \"argument\"]\n\
         app/Dockerfile:12: --interval takes a time such as 30s, not 5\n\
         app/Dockerfile:13: HEALTHCHECK takes CMD with a command, or NONE\n\
         app/Dockerfile:14: the list may have strings only, not 1\n\
         app/Dockerfile:15: ONBUILD FROM is not allowed\n\
         app/Dockerfile:16: EXPOSE needs a port\n\
         app/Dockerfile:17: --link takes true or false, not maybe"
    );
    assert_eq!(
        parse("Dockerfile", "# nothing\n").unwrap_err().to_string(),
        "Dockerfile:1: there is no FROM instruction"
    );
}
