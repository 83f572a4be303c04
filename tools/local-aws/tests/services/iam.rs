//! IAM.

use crate::support::{Reply, Server};

const TRUST: &str = "%7B%22Version%22%3A%222012-10-17%22%7D";

fn iam(server: &Server, form: &str) -> Reply {
    server.query(&format!("Version=2010-05-08&{form}"))
}

fn done(server: &Server, form: &str) -> Reply {
    let reply = iam(server, form);
    assert_eq!(reply.status, 200, "{form}: {}", reply.body);
    reply
}

fn refused(server: &Server, form: &str) -> (u16, String) {
    let reply = iam(server, form);
    (reply.status, reply.element("Code").to_owned())
}

fn create(server: &Server, name: &str) -> Reply {
    let form =
        format!("Action=CreateRole&RoleName={name}&Path=/app/&AssumeRolePolicyDocument={TRUST}");
    done(server, &form)
}

#[test]
fn shows_a_role_as_it_was_created_also_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let created = create(&server, "Tasks&Tags.member.1.Key=a&Tags.member.1.Value=1");
    let role = created.element("Role").to_owned();
    assert!(
        created.head.contains("content-type: text/xml"),
        "{}",
        created.head
    );
    assert_eq!(
        created.element("Arn"),
        "arn:aws:iam::000000000000:role/app/Tasks"
    );
    assert_eq!(created.element("AssumeRolePolicyDocument"), TRUST);
    assert_eq!(created.element("MaxSessionDuration"), "3600");
    assert_eq!(
        created.element("Tags"),
        "<member><Key>a</Key><Value>1</Value></member>"
    );
    assert!(
        created.body.contains(
            "<CreateRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateRoleResult>"
        ),
        "{}",
        created.body
    );
    drop(server);
    let server = Server::start(state.path());
    let shown = done(&server, "Action=GetRole&RoleName=Tasks");
    assert_eq!(shown.element("Role"), role);
    let unchanged = "Action=UpdateAssumeRolePolicy&RoleName=Tasks&PolicyDocument=%7B%7D";
    done(&server, unchanged);
    let shown = done(&server, "Action=GetRole&RoleName=Tasks");
    assert_eq!(shown.element("AssumeRolePolicyDocument"), "%7B%7D");
}

#[test]
fn lists_roles_in_pages() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    for name in ["a", "b", "c"] {
        create(&server, name);
    }
    let first = done(&server, "Action=ListRoles&MaxItems=2&PathPrefix=/app/");
    assert_eq!(first.element("IsTruncated"), "true");
    assert_eq!(first.body.matches("<RoleName>").count(), 2);
    let marker = first.element("Marker");
    let second = done(
        &server,
        &format!("Action=ListRoles&MaxItems=2&Marker={marker}"),
    );
    assert_eq!(second.element("IsTruncated"), "false");
    assert_eq!(second.element("RoleName"), "c");
    let none = done(&server, "Action=ListRoles&PathPrefix=/other/");
    assert_eq!(none.element("Roles"), "");
}

#[test]
fn keeps_policies_of_a_role() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    create(&server, "Tasks");
    let policy = "%7B%22Statement%22%3A%5B%5D%7D";
    done(
        &server,
        &format!("Action=PutRolePolicy&RoleName=Tasks&PolicyName=read&PolicyDocument={policy}"),
    );
    let shown = done(
        &server,
        "Action=GetRolePolicy&RoleName=Tasks&PolicyName=read",
    );
    assert_eq!(shown.element("PolicyDocument"), policy);
    let names = done(&server, "Action=ListRolePolicies&RoleName=Tasks");
    assert_eq!(names.element("PolicyNames"), "<member>read</member>");
    let arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
    done(
        &server,
        &format!("Action=AttachRolePolicy&RoleName=Tasks&PolicyArn={arn}"),
    );
    let attached = done(&server, "Action=ListAttachedRolePolicies&RoleName=Tasks");
    assert_eq!(
        attached.element("AttachedPolicies"),
        format!(
            "<member><PolicyName>AmazonECSTaskExecutionRolePolicy</PolicyName><PolicyArn>{arn}</PolicyArn></member>"
        )
    );
    let conflict = (409, "DeleteConflict".to_owned());
    let delete = "Action=DeleteRole&RoleName=Tasks";
    assert_eq!(refused(&server, delete), conflict);
    let detach = format!("Action=DetachRolePolicy&RoleName=Tasks&PolicyArn={arn}");
    done(&server, &detach);
    assert_eq!(refused(&server, &detach), (404, "NoSuchEntity".to_owned()));
    assert_eq!(refused(&server, delete), conflict);
    done(
        &server,
        "Action=DeleteRolePolicy&RoleName=Tasks&PolicyName=read",
    );
    done(&server, delete);
    assert_eq!(refused(&server, delete), (404, "NoSuchEntity".to_owned()));
}

#[test]
fn tags_roles() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    create(&server, "Tasks");
    let tags = "Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b&Tags.member.2.Value=";
    done(&server, &format!("Action=TagRole&RoleName=Tasks&{tags}"));
    done(
        &server,
        "Action=UntagRole&RoleName=Tasks&TagKeys.member.1=a",
    );
    let shown = done(&server, "Action=ListRoleTags&RoleName=Tasks");
    assert_eq!(
        shown.element("Tags"),
        "<member><Key>b</Key><Value></Value></member>"
    );
}

#[test]
fn refuses_what_iam_refuses() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    create(&server, "Tasks");
    let table = [
        (
            format!("CreateRole&RoleName=TASKS&AssumeRolePolicyDocument={TRUST}"),
            409,
            "EntityAlreadyExists",
        ),
        (
            "CreateRole&RoleName=x&AssumeRolePolicyDocument=no".to_owned(),
            400,
            "MalformedPolicyDocument",
        ),
        (
            format!("CreateRole&RoleName=x%20y&AssumeRolePolicyDocument={TRUST}"),
            400,
            "ValidationError",
        ),
        (
            format!("CreateRole&RoleName=x&Path=app&AssumeRolePolicyDocument={TRUST}"),
            400,
            "ValidationError",
        ),
        ("GetRole&RoleName=absent".to_owned(), 404, "NoSuchEntity"),
        (
            "GetRolePolicy&RoleName=Tasks&PolicyName=absent".to_owned(),
            404,
            "NoSuchEntity",
        ),
        (
            "AttachRolePolicy&RoleName=Tasks&PolicyArn=arn:aws:iam::aws:role/x".to_owned(),
            400,
            "InvalidInput",
        ),
        (
            "CreateUser".to_owned(),
            501,
            "UnsupportedOperationException",
        ),
    ];
    for (form, status, code) in table {
        assert_eq!(
            refused(&server, &format!("Action={form}")),
            (status, code.to_owned()),
            "{form}"
        );
    }
}
