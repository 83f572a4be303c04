//! Tags of load balancers, target groups, listeners and rules.

use serde_json::{Value, json};

use crate::elb::Elb;
use crate::elb::arn::{self, Kind};
use crate::elb::model::Texts;
use crate::elb::tables::Tables;
use crate::protocol::{Answer, AwsError, Input};

const MOST_TAGS: usize = 50;

/// The `Tags` of a request; each key once.
pub(super) fn read(input: Input<'_>) -> Result<Texts, AwsError> {
    let mut tags = Texts::new();
    for tag in input.structures("Tags")? {
        let key = tag.required_text("Key")?;
        let value = tag.text("Value")?.unwrap_or_default();
        if key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(input.refuse(format!(
                "the tag '{key}' is too long: a key has at most 128 characters, a value 256"
            )));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(AwsError::new(
                "DuplicateTagKeys",
                format!("The tag key '{key}' was specified more than once"),
            ));
        }
    }
    check_number(&tags)?;
    Ok(tags)
}

fn check_number(tags: &Texts) -> Result<(), AwsError> {
    if tags.len() > MOST_TAGS {
        return Err(AwsError::new(
            "TooManyTags",
            format!("A resource has at most {MOST_TAGS} tags"),
        ));
    }
    Ok(())
}

fn render(tags: &Texts) -> Vec<Value> {
    tags.iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}

impl Elb {
    pub(super) fn add_tags(&self, input: Input<'_>) -> Answer {
        let fresh = read(input)?;
        self.change_tags(input, |tags| {
            tags.extend(fresh.clone());
            check_number(tags)
        })
    }

    pub(super) fn remove_tags(&self, input: Input<'_>) -> Answer {
        let keys = input.texts("TagKeys")?;
        self.change_tags(input, |tags| {
            tags.retain(|key, _| !keys.contains(&key.as_str()));
            Ok(())
        })
    }

    pub(super) fn describe_tags(&self, input: Input<'_>) -> Answer {
        let mut tables = self.tables();
        let mut descriptions = Vec::new();
        for arn in input.texts("ResourceArns")? {
            let tags = tags_mut(&mut tables, arn)?;
            descriptions.push(json!({ "ResourceArn": arn, "Tags": render(tags) }));
        }
        Ok(json!({ "TagDescriptions": descriptions }))
    }

    fn change_tags(
        &self,
        input: Input<'_>,
        change: impl Fn(&mut Texts) -> Result<(), AwsError>,
    ) -> Answer {
        let mut tables = self.tables();
        let arns = input.texts("ResourceArns")?;
        for arn in &arns {
            change(&mut tags_mut(&mut tables, arn)?.clone())?;
        }
        for arn in arns {
            let mut tags = tags_mut(&mut tables, arn)?.clone();
            change(&mut tags)?;
            self.keep_tags(&tables, arn, &tags)?;
            *tags_mut(&mut tables, arn)? = tags;
        }
        Ok(json!({}))
    }

    /// Writes a resource with other tags to the store.
    fn keep_tags(&self, tables: &Tables, arn: &str, tags: &Texts) -> Result<(), AwsError> {
        macro_rules! keep {
            ($table:ident) => {
                if let Some(resource) = tables.$table.get(arn) {
                    let mut resource = resource.clone();
                    resource.tags.clone_from(tags);
                    self.store.put(&resource)?;
                }
            };
        }
        keep!(load_balancers);
        keep!(target_groups);
        keep!(listeners);
        keep!(rules);
        Ok(())
    }
}

fn tags_mut<'a>(tables: &'a mut Tables, arn: &str) -> Result<&'a mut Texts, AwsError> {
    let (tags, code) = match arn::kind(arn) {
        Some(Kind::LoadBalancer) => (
            tables.load_balancers.get_mut(arn).map(|it| &mut it.tags),
            "LoadBalancerNotFound",
        ),
        Some(Kind::TargetGroup) => (
            tables.target_groups.get_mut(arn).map(|it| &mut it.tags),
            "TargetGroupNotFound",
        ),
        Some(Kind::Listener) => (
            tables.listeners.get_mut(arn).map(|it| &mut it.tags),
            "ListenerNotFound",
        ),
        Some(Kind::Rule) => (
            tables.rules.get_mut(arn).map(|it| &mut it.tags),
            "RuleNotFound",
        ),
        None => {
            return Err(AwsError::new(
                "ValidationError",
                format!("'{arn}' is not a valid resource ARN"),
            ));
        }
    };
    tags.ok_or_else(|| AwsError::new(code, format!("'{arn}' not found")))
}
