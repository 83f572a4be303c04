//! The policies of roles: inline ones by name, managed ones by ARN.

use serde_json::{Value, json};

use super::model::encoded;
use super::{Iam, document, missing, name, named, page};
use crate::protocol::{Answer, AwsError, Input};

const LONGEST_NAME: usize = 128;

impl Iam {
    pub(super) fn put_policy(&self, input: &Input<'_>) -> Answer {
        let name = name(input, "PolicyName", LONGEST_NAME)?;
        let text = document(input, "PolicyDocument")?;
        self.change(input, |role| {
            role.inline.insert(name.to_owned(), text.to_owned());
            Ok(())
        })
    }

    pub(super) fn get_policy(&self, input: &Input<'_>) -> Answer {
        let name = input.required_text("PolicyName")?;
        let roles = self.roles();
        let role = named(&roles, input)?;
        let text = role.inline.get(name).ok_or_else(|| unknown(name))?;
        Ok(json!({
            "RoleName": role.name, "PolicyName": name, "PolicyDocument": encoded(text),
        }))
    }

    pub(super) fn list_policies(&self, input: &Input<'_>) -> Answer {
        let roles = self.roles();
        let names = named(&roles, input)?.inline.keys();
        page(
            input,
            "PolicyNames",
            names,
            |name| (*name).clone(),
            |name| json!(name),
        )
    }

    pub(super) fn delete_policy(&self, input: &Input<'_>) -> Answer {
        let name = input.required_text("PolicyName")?;
        self.change(input, |role| match role.inline.remove(name) {
            Some(_text) => Ok(()),
            None => Err(unknown(name)),
        })
    }

    pub(super) fn attach_policy(&self, input: &Input<'_>) -> Answer {
        let arn = input.required_text("PolicyArn")?;
        if name_in(arn).is_none() {
            return Err(AwsError::new(
                "InvalidInput",
                format!("ARN {arn} is not valid."),
            ));
        }
        self.change(input, |role| {
            role.attached.insert(arn.to_owned());
            Ok(())
        })
    }

    pub(super) fn detach_policy(&self, input: &Input<'_>) -> Answer {
        let arn = input.required_text("PolicyArn")?;
        self.change(input, |role| {
            if role.attached.remove(arn) {
                return Ok(());
            }
            Err(missing(format!("Policy {arn} was not found.")))
        })
    }

    pub(super) fn list_attached_policies(&self, input: &Input<'_>) -> Answer {
        let prefix = input.text("PathPrefix")?.unwrap_or("/");
        let roles = self.roles();
        let found = named(&roles, input)?
            .attached
            .iter()
            .filter_map(|arn| Some((arn, name_in(arn)?)))
            .filter(|(_, (path, _))| path.starts_with(prefix));
        let view = |(arn, (_, name)): (&String, (&str, &str))| -> Value {
            json!({ "PolicyName": name, "PolicyArn": arn })
        };
        page(
            input,
            "AttachedPolicies",
            found,
            |(arn, _)| (*arn).clone(),
            view,
        )
    }
}

fn unknown(name: &str) -> AwsError {
    missing(format!("The role policy with name {name} cannot be found."))
}

/// Path and name in `arn:aws:iam::OWNER:policy/PATH/NAME`; the owner is `aws` or an account.
fn name_in(arn: &str) -> Option<(&str, &str)> {
    let (owner, resource) = arn.strip_prefix("arn:aws:iam::")?.split_once(":policy")?;
    let is_owner =
        owner == "aws" || (owner.len() == 12 && owner.bytes().all(|digit| digit.is_ascii_digit()));
    let (path, name) = resource.split_at(resource.rfind('/')? + 1);
    (is_owner && path.starts_with('/') && !name.is_empty()).then_some((path, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_name_in_a_policys_arn() {
        assert_eq!(
            name_in("arn:aws:iam::aws:policy/service-role/ForTasks"),
            Some(("/service-role/", "ForTasks"))
        );
        assert_eq!(
            name_in("arn:aws:iam::000000000000:policy/own"),
            Some(("/", "own"))
        );
        for wrong in [
            "own",
            "arn:aws:iam::someone:policy/own",
            "arn:aws:iam::aws:policy/",
            "arn:aws:iam::aws:policyown",
            "arn:aws:iam::aws:role/own",
        ] {
            assert_eq!(name_in(wrong), None, "{wrong}");
        }
    }
}
