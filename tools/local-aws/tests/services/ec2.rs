//! EC2's networks.

use crate::support::{Reply, Server};

fn ec2(server: &Server, form: &str) -> Reply {
    server.query(&format!("Version=2016-11-15&Action={form}"))
}

fn done(server: &Server, form: &str) -> Reply {
    let reply = ec2(server, form);
    assert_eq!(reply.status, 200, "{form}: {}", reply.body);
    reply
}

fn made(server: &Server, form: &str, id: &str) -> String {
    done(server, form).element(id).to_owned()
}

fn code(server: &Server, form: &str) -> String {
    let reply = ec2(server, form);
    assert_eq!(reply.status, 400, "{form}: {}", reply.body);
    reply.element("Code").to_owned()
}

fn count(reply: &Reply, element: &str) -> usize {
    reply.body.matches(&format!("<{element}>")).count()
}

#[test]
fn begins_with_the_networks_of_a_new_account_and_keeps_them() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let vpc = made(&server, "DescribeVpcs", "vpcId");
    let subnets = done(
        &server,
        &format!("DescribeSubnets&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}"),
    );
    assert_eq!(count(&subnets, "subnetId"), 2);
    for text in [
        "<cidrBlock>172.31.0.0/20</cidrBlock>",
        "<cidrBlock>172.31.16.0/20</cidrBlock>",
        "<availabilityZone>us-east-1b</availabilityZone>",
        "<availabilityZoneId>use1-az2</availabilityZoneId>",
        "<availableIpAddressCount>4091</availableIpAddressCount>",
    ] {
        assert!(subnets.body.contains(text), "{text}: {}", subnets.body);
    }
    let group = done(&server, "DescribeSecurityGroups&GroupName.1=default");
    assert_eq!(group.element("vpcId"), vpc);
    drop(server);
    let server = Server::start(state.path());
    assert_eq!(made(&server, "DescribeVpcs", "vpcId"), vpc);
}

#[test]
fn answers_and_refuses_in_ec2s_own_shape() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let answer = done(
        &server,
        "DescribeSubnets&Filter.1.Name=tag:a&Filter.1.Value.1=*",
    );
    let id = answer.element("requestId");
    assert_eq!(
        answer.body,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <DescribeSubnetsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{id}</requestId>\
             <subnetSet></subnetSet></DescribeSubnetsResponse>"
        )
    );
    let refused = ec2(&server, "DescribeSubnets&SubnetId.1=subnet-0");
    let id = refused.element("RequestID");
    assert_eq!(
        (refused.status, refused.body.as_str()),
        (
            400,
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <Response><Errors><Error><Code>InvalidSubnetID.NotFound</Code>\
                 <Message>The subnet ID 'subnet-0' does not exist</Message></Error></Errors><RequestID>{id}</RequestID></Response>"
            )
            .as_str()
        )
    );
}

#[test]
fn makes_and_removes_networks_in_their_order() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let tags = "TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=app";
    let vpc = made(
        &server,
        &format!("CreateVpc&CidrBlock=10.0.0.9/16&{tags}"),
        "vpcId",
    );
    let found = done(
        &server,
        "DescribeVpcs&Filter.1.Name=tag:Name&Filter.1.Value.1=a?p",
    );
    assert_eq!(found.element("vpcId"), vpc);
    assert_eq!(found.element("cidrBlock"), "10.0.0.0/16");
    assert_eq!(count(&found, "vpcId"), 1);
    let subnet = made(
        &server,
        &format!("CreateSubnet&VpcId={vpc}&CidrBlock=10.0.1.0/24&AvailabilityZone=us-east-1c"),
        "subnetId",
    );
    let shown = done(&server, &format!("DescribeSubnets&SubnetId.1={subnet}"));
    assert_eq!(shown.element("availabilityZone"), "us-east-1c");
    let delete = format!("DeleteVpc&VpcId={vpc}");
    assert_eq!(code(&server, &delete), "DependencyViolation");
    done(&server, &format!("DeleteSubnet&SubnetId={subnet}"));
    done(&server, &delete);
    assert_eq!(code(&server, &delete), "InvalidVpcID.NotFound");
    let own = done(
        &server,
        &format!("DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}"),
    );
    assert_eq!(own.element("securityGroupInfo"), "");
}

#[test]
fn keeps_what_security_groups_let_in() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let create = |name: &str| {
        made(
            &server,
            &format!("CreateSecurityGroup&GroupName={name}&GroupDescription=x"),
            "groupId",
        )
    };
    let (front, tasks) = (create("front"), create("tasks"));
    let http =
        "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80";
    let from_all = format!(
        "AuthorizeSecurityGroupIngress&GroupId={front}&{http}\
         &IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0&IpPermissions.1.Ipv6Ranges.1.CidrIpv6=::/0"
    );
    assert_eq!(count(&done(&server, &from_all), "securityGroupRuleId"), 2);
    assert_eq!(code(&server, &from_all), "InvalidPermission.Duplicate");
    let from_front = format!(
        "AuthorizeSecurityGroupIngress&GroupId={tasks}&{http}&IpPermissions.1.Groups.1.GroupId={front}"
    );
    done(&server, &from_front);
    let shown = done(
        &server,
        &format!("DescribeSecurityGroups&GroupId.1={front}"),
    );
    assert_eq!(
        shown.element("ipPermissions"),
        "<item><ipProtocol>tcp</ipProtocol><fromPort>80</fromPort><toPort>80</toPort><groups></groups>\
         <ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>\
         <ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges><prefixListIds></prefixListIds></item>"
    );
    let delete = |id: &str| format!("DeleteSecurityGroup&GroupId={id}");
    assert_eq!(code(&server, &delete(&front)), "DependencyViolation");
    done(&server, &delete(&tasks));
    done(&server, &delete(&front));
    assert_eq!(code(&server, &delete(&front)), "InvalidGroup.NotFound");
    let own = made(
        &server,
        "DescribeSecurityGroups&GroupName.1=default",
        "groupId",
    );
    assert_eq!(code(&server, &delete(&own)), "CannotDelete");
}

#[test]
fn names_three_zones() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let zones = done(&server, "DescribeAvailabilityZones");
    assert_eq!(count(&zones, "zoneName"), 3);
    let second = done(&server, "DescribeAvailabilityZones&ZoneId.1=use1-az2");
    assert_eq!(second.element("zoneName"), "us-east-1b");
}

#[test]
fn refuses_what_ec2_refuses() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let vpc = made(&server, "DescribeVpcs", "vpcId");
    let group = "AuthorizeSecurityGroupIngress&GroupName=default";
    let table = [
        ("CreateVpc".to_owned(), "MissingParameter"),
        ("CreateVpc&CidrBlock=x".to_owned(), "InvalidParameterValue"),
        (
            "CreateVpc&CidrBlock=10.0.0.0/8".to_owned(),
            "InvalidVpc.Range",
        ),
        (
            "CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true".to_owned(),
            "UnsupportedOperation",
        ),
        (
            "DescribeVpcs&DryRun=true".to_owned(),
            "UnsupportedOperation",
        ),
        (
            "DescribeVpcs&Filter.1.Name=colour&Filter.1.Value.1=red".to_owned(),
            "InvalidParameterValue",
        ),
        (
            "CreateSubnet&VpcId=vpc-0&CidrBlock=10.0.0.0/24".to_owned(),
            "InvalidVpcID.NotFound",
        ),
        (
            format!("CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/24"),
            "InvalidSubnet.Range",
        ),
        (
            format!("CreateSubnet&VpcId={vpc}&CidrBlock=172.31.8.0/24"),
            "InvalidSubnet.Conflict",
        ),
        (
            format!("CreateSubnet&VpcId={vpc}&CidrBlock=172.31.64.0/24&AvailabilityZone=moon"),
            "InvalidParameterValue",
        ),
        (
            "CreateSecurityGroup&GroupName=default&GroupDescription=x".to_owned(),
            "InvalidParameterValue",
        ),
        (group.to_owned(), "MissingParameter"),
        (
            format!("{group}&IpProtocol=tcp&FromPort=80&CidrIp=0.0.0.0/0"),
            "InvalidParameterValue",
        ),
    ];
    for (form, expected) in table {
        assert_eq!(code(&server, &form), expected, "{form}");
    }
    assert_eq!(ec2(&server, "RunInstances").status, 501);
}
