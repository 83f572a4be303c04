//! Which user a container runs as: `USER` of an image, looked up in the image's own `/etc/passwd` and `/etc/group`.

use crate::spec::SpecError;

/// `user[:group]` as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserSpec {
    user: String,
    group: Option<String>,
}

/// Numeric identity of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Supplementary groups, without `gid`.
    pub(crate) groups: Vec<u32>,
    pub(crate) home: String,
}

impl UserSpec {
    pub(crate) fn parse(text: &str) -> Result<UserSpec, SpecError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        if text.contains('\0') || group.is_some_and(|group| group.is_empty() || group.contains(':'))
        {
            return Err(SpecError(format!(
                "user `{text}` is not USER or USER:GROUP"
            )));
        }
        let user = if user.is_empty() { "0" } else { user };
        Ok(UserSpec {
            user: user.to_owned(),
            group: group.map(str::to_owned),
        })
    }

    /// `passwd` and `group` are the contents of the image's files, empty where it has none. Follows runc: a number
    /// need not be listed; without a group the user's own counts, and the groups that list the user.
    pub(crate) fn resolve(&self, passwd: &str, group: &str) -> Result<Identity, SpecError> {
        let number = self.user.parse::<u32>().ok();
        let account = accounts(passwd)
            .find(|account| account.name == self.user)
            .or_else(|| accounts(passwd).find(|account| Some(account.uid) == number));
        let uid = account
            .as_ref()
            .map(|account| account.uid)
            .or(number)
            .ok_or_else(|| {
                SpecError(format!(
                    "unable to find user {}: no matching entries in passwd file",
                    self.user
                ))
            })?;
        let home = account
            .as_ref()
            .map_or("/", |account| account.home)
            .to_owned();
        if let Some(wanted) = &self.group {
            let number = wanted.parse::<u32>().ok();
            let gid = groups(group)
                .find(|entry| entry.name == *wanted)
                .map(|entry| entry.gid)
                .or(number)
                .ok_or_else(|| {
                    SpecError(format!(
                        "unable to find group {wanted}: no matching entries in group file"
                    ))
                })?;
            return Ok(Identity {
                uid,
                gid,
                groups: Vec::new(),
                home,
            });
        }
        let gid = account.as_ref().map_or(0, |account| account.gid);
        let mut listed: Vec<u32> = account
            .as_ref()
            .map(|account| {
                groups(group)
                    .filter(|entry| entry.lists(account.name))
                    .map(|entry| entry.gid)
                    .collect()
            })
            .unwrap_or_default();
        listed.retain(|entry| *entry != gid);
        Ok(Identity {
            uid,
            gid,
            groups: listed,
            home,
        })
    }
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

/// Lines that are not well formed are skipped, as libc does.
fn accounts(passwd: &str) -> impl Iterator<Item = Account<'_>> {
    passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields.as_slice() else {
            return None;
        };
        Some(Account {
            name,
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home,
        })
    })
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

impl Group<'_> {
    fn lists(&self, user: &str) -> bool {
        self.members.split(',').any(|member| member == user)
    }
}

fn groups(group: &str) -> impl Iterator<Item = Group<'_>> {
    group.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let gid = fields.nth(1)?.parse().ok()?;
        Some(Group {
            name,
            gid,
            members: fields.next().unwrap_or_default(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken\napp:x:1001:1002:App:/home/app:/bin/sh\n5:x:6:7::/:\n";
    const GROUP: &str =
        "root:x:0:\napp:x:1002:\nlog:x:40:other,app\nown:x:1002:app\nnone:x:x:app\n";

    fn check(user: &str, expected: Result<(u32, u32, &[u32], &str), &str>) {
        let actual = UserSpec::parse(user).and_then(|user| user.resolve(PASSWD, GROUP));
        let expected = expected
            .map(|(uid, gid, groups, home)| Identity {
                uid,
                gid,
                groups: groups.to_vec(),
                home: home.to_owned(),
            })
            .map_err(|message| SpecError(message.to_owned()));
        assert_eq!(actual, expected, "{user}");
    }

    #[test]
    fn looks_up_names_and_numbers() {
        check("", Ok((0, 0, &[], "/root")));
        check("app", Ok((1001, 1002, &[40], "/home/app")));
        check("1001", Ok((1001, 1002, &[40], "/home/app")));
        check("4000", Ok((4000, 0, &[], "/")));
        check("app:log", Ok((1001, 40, &[], "/home/app")));
        check("app:77", Ok((1001, 77, &[], "/home/app")));
        check("5", Ok((6, 7, &[], "/")));
    }

    #[test]
    fn refuses_what_is_not_there() {
        check(
            "ghost",
            Err("unable to find user ghost: no matching entries in passwd file"),
        );
        check(
            "app:ghost",
            Err("unable to find group ghost: no matching entries in group file"),
        );
        check("app:", Err("user `app:` is not USER or USER:GROUP"));
        check(
            "app:log:x",
            Err("user `app:log:x` is not USER or USER:GROUP"),
        );
    }
}
