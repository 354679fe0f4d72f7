//! Users and groups: declared by packages, merged, and written as `etc/passwd` and
//! `etc/group`.
//!
//! Packages may declare the same account if they agree on it. Unaware of passwords:
//! no declared account has one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wiz_apk::Owner;

use crate::root::{Root, RootError};

/// Longest name the tools of a Linux system take.
const MAX_NAME: usize = 32;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Name of the primary group.
    pub group: String,
    /// Who it is, for humans.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Home folder, absolute.
    pub home: String,
    /// Login shell, absolute.
    pub shell: String,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Group id.
    pub gid: u32,
    /// Users that are in it beside those whose primary group it is.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub members: BTreeSet<String>,
}

impl User {
    /// A user who cannot log in.
    #[must_use]
    pub fn new(name: &str, uid: u32, group: &str, home: &str) -> Self {
        Self {
            name: name.to_owned(),
            uid,
            group: group.to_owned(),
            description: String::new(),
            home: home.to_owned(),
            shell: "/sbin/nologin".to_owned(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), AccountError> {
        check_name(&self.name)?;
        check_name(&self.group)?;
        for text in [&self.description, &self.home, &self.shell] {
            if text.contains([':', '\n', '\0']) {
                return Err(AccountError::Text { name: self.name.clone(), text: text.clone() });
            }
        }
        Ok(())
    }
}

impl Group {
    /// A group without further members.
    #[must_use]
    pub fn new(name: &str, gid: u32) -> Self {
        Self { name: name.to_owned(), gid, members: BTreeSet::new() }
    }

    pub(crate) fn check(&self) -> Result<(), AccountError> {
        check_name(&self.name)?;
        self.members.iter().try_for_each(|member| check_name(member))
    }
}

/// The accounts of a root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
}

impl Accounts {
    /// Merges declarations, in any order.
    ///
    /// # Errors
    /// [`AccountError`] if one is not valid, two do not agree, an id is used twice, or
    /// a named group or member does not exist.
    pub fn merge<'a>(
        users: impl IntoIterator<Item = &'a User>,
        groups: impl IntoIterator<Item = &'a Group>,
    ) -> Result<Self, AccountError> {
        let mut accounts = Self::default();
        groups.into_iter().try_for_each(|group| accounts.add_group(group))?;
        users.into_iter().try_for_each(|user| accounts.add_user(user))?;
        accounts.check_members()?;
        Ok(accounts)
    }

    /// Reads a root's `etc/passwd` and `etc/group`; `None` if writing them again would lose
    /// something: a line that is malformed, or a password.
    #[must_use]
    pub fn parse(passwd: &str, group: &str) -> Option<Self> {
        let groups: Option<Vec<Group>> = group.lines().map(parse_group).collect();
        let groups = groups?;
        let users: Option<Vec<User>> = passwd.lines().map(|line| parse_user(line, &groups)).collect();
        let accounts = Self::merge(&users?, &groups).ok()?;
        let is_same = |one: &str, other: &str| {
            one.lines().collect::<BTreeSet<_>>() == other.lines().collect::<BTreeSet<_>>()
        };
        (is_same(&accounts.passwd(), passwd) && is_same(&accounts.group(), group)).then_some(accounts)
    }

    /// The users, by name.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// The groups, by name.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// `etc/passwd`, sorted by user id.
    #[must_use]
    pub fn passwd(&self) -> String {
        let mut users: Vec<&User> = self.users.values().collect();
        users.sort_by_key(|user| user.uid);
        let line = |user: &User| {
            let gid = self.groups[&user.group].gid;
            let User { name, uid, description, home, shell, .. } = user;
            format!("{name}:x:{uid}:{gid}:{description}:{home}:{shell}\n")
        };
        users.into_iter().map(line).collect()
    }

    /// `etc/group`, sorted by group id.
    #[must_use]
    pub fn group(&self) -> String {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| group.gid);
        let line = |group: &Group| {
            let members: Vec<&str> = group.members.iter().map(String::as_str).collect();
            format!("{}:x:{}:{}\n", group.name, group.gid, members.join(","))
        };
        groups.into_iter().map(line).collect()
    }

    /// A user's id and that of the primary group.
    #[must_use]
    pub fn ids(&self, user: &str) -> Option<(u32, u32)> {
        let user = self.users.get(user)?;
        Some((user.uid, self.groups[&user.group].gid))
    }

    /// A group's id.
    #[must_use]
    pub fn gid(&self, group: &str) -> Option<u32> {
        self.groups.get(group).map(|group| group.gid)
    }

    fn add_group(&mut self, group: &Group) -> Result<(), AccountError> {
        group.check()?;
        if let Some(known) = self.groups.get_mut(&group.name) {
            if known.gid != group.gid {
                return Err(AccountError::Disagreement { name: group.name.clone() });
            }
            known.members.extend(group.members.iter().cloned());
            return Ok(());
        }
        if let Some(other) = self.groups.values().find(|known| known.gid == group.gid) {
            return Err(AccountError::taken("group", group.gid, &other.name, &group.name));
        }
        self.groups.insert(group.name.clone(), group.clone());
        Ok(())
    }

    fn add_user(&mut self, user: &User) -> Result<(), AccountError> {
        user.check()?;
        if let Some(known) = self.users.get(&user.name) {
            let agrees = known == user;
            return if agrees { Ok(()) } else { Err(AccountError::Disagreement { name: user.name.clone() }) };
        }
        if let Some(other) = self.users.values().find(|known| known.uid == user.uid) {
            return Err(AccountError::taken("user", user.uid, &other.name, &user.name));
        }
        if !self.groups.contains_key(&user.group) {
            return Err(AccountError::Unknown { name: user.group.clone(), by: user.name.clone() });
        }
        self.users.insert(user.name.clone(), user.clone());
        Ok(())
    }

    fn check_members(&self) -> Result<(), AccountError> {
        for group in self.groups.values() {
            if let Some(name) = group.members.iter().find(|name| !self.users.contains_key(*name)) {
                return Err(AccountError::Unknown { name: name.clone(), by: group.name.clone() });
            }
        }
        Ok(())
    }
}

fn parse_group(line: &str) -> Option<Group> {
    let [name, _, gid, members] = fields(line)?;
    let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { members, ..Group::new(name, gid.parse().ok()?) })
}

fn parse_user(line: &str, groups: &[Group]) -> Option<User> {
    let [name, _, uid, gid, description, home, shell] = fields(line)?;
    let gid: u32 = gid.parse().ok()?;
    let group = groups.iter().find(|group| group.gid == gid)?;
    let (description, shell) = (description.to_owned(), shell.to_owned());
    Some(User { description, shell, ..User::new(name, uid.parse().ok()?, &group.name, home) })
}

fn fields<const COUNT: usize>(line: &str) -> Option<[&str; COUNT]> {
    line.split(':').collect::<Vec<_>>().try_into().ok()
}

/// The ids behind the names of a root's `etc/passwd` and `etc/group`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

impl Ids {
    /// Reads the root's files; lines that are malformed do not count.
    ///
    /// # Errors
    /// [`RootError`] if a file cannot be read.
    pub fn read(root: &Root) -> Result<Self, RootError> {
        let ids = |path: &str| -> Result<BTreeMap<String, u32>, RootError> {
            let bytes = root.read(path)?.unwrap_or_default();
            let id = |line: &str| {
                let mut fields = line.split(':');
                let name = fields.next()?.to_owned();
                Some((name, fields.nth(1)?.parse().ok()?))
            };
            Ok(String::from_utf8_lossy(&bytes).lines().filter_map(id).collect())
        };
        Ok(Self { users: ids("etc/passwd")?, groups: ids("etc/group")? })
    }

    /// A user's id.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<u32> {
        self.users.get(name).copied()
    }

    /// A group's id.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<u32> {
        self.groups.get(name).copied()
    }

    /// User and group id of an owner: by its names as far as the root knows them.
    #[must_use]
    pub fn of(&self, owner: &Owner) -> (u32, u32) {
        (
            self.users.get(&owner.user).copied().unwrap_or(owner.uid),
            self.groups.get(&owner.group).copied().unwrap_or(owner.gid),
        )
    }
}

fn check_name(name: &str) -> Result<(), AccountError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if !begins || name.len() > MAX_NAME || !name.chars().all(fits) {
        return Err(AccountError::Name { name: name.to_owned() });
    }
    Ok(())
}

/// Accounts that cannot be declared, or not together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Not a name for a user or group.
    #[error(
        "`{name}` cannot name a user or group, hint: up to 32 of a-z, 0-9, `_`, `-` and `.`, beginning with a letter or `_`"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// A field that would break its line.
    #[error("`{text}` of user `{name}` has a colon or a line break in it")]
    Text {
        /// The user.
        name: String,
        /// The field's value.
        text: String,
    },
    /// Two declarations of one name differ.
    #[error("`{name}` is declared twice, differently")]
    Disagreement {
        /// The user or group.
        name: String,
    },
    /// One id for two names.
    #[error("the {kind} id {id} belongs to `{first}` and to `{second}`")]
    Taken {
        /// `user` or `group`.
        kind: &'static str,
        /// The id.
        id: u32,
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// A group or member that nobody declares.
    #[error("`{by}` names `{name}`, which is not declared")]
    Unknown {
        /// What is missing.
        name: String,
        /// Who names it.
        by: String,
    },
}

impl AccountError {
    /// The names in their order, so that the message does not depend on the input's.
    fn taken(kind: &'static str, id: u32, one: &str, other: &str) -> Self {
        let (first, second) = (one.min(other).to_owned(), one.max(other).to_owned());
        Self::Taken { kind, id, first, second }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(users: &[User], groups: &[Group], expected: &Expect) {
        expected.assert_eq(&match Accounts::merge(users, groups) {
            Ok(accounts) => format!("{}--\n{}", accounts.passwd(), accounts.group()),
            Err(error) => error.to_string(),
        });
    }

    fn member(group: Group, name: &str) -> Group {
        Group { members: BTreeSet::from([name.to_owned()]), ..group }
    }

    #[test]
    fn accounts_are_written_by_id() {
        let root = User { shell: "/bin/sh".to_owned(), ..User::new("root", 0, "root", "/root") };
        let nonroot = User {
            description: "no one".to_owned(),
            ..User::new("nonroot", 65532, "nonroot", "/home/nonroot")
        };
        check(
            &[nonroot.clone(), root, nonroot],
            &[
                Group::new("nonroot", 65532),
                Group::new("root", 0),
                member(Group::new("tty", 5), "root"),
                member(Group::new("tty", 5), "nonroot"),
            ],
            &expect![[r#"
                root:x:0:0::/root:/bin/sh
                nonroot:x:65532:65532:no one:/home/nonroot:/sbin/nologin
                --
                root:x:0:
                tty:x:5:nonroot,root
                nonroot:x:65532:
            "#]],
        );
    }

    #[test]
    fn declarations_must_agree() {
        let (a, b) = (Group::new("a", 1), Group::new("b", 1));
        check(&[], &[a.clone(), b], &expect!["the group id 1 belongs to `a` and to `b`"]);
        check(&[], &[a.clone(), Group::new("a", 2)], &expect!["`a` is declared twice, differently"]);
        let user = User::new("u", 7, "a", "/");
        check(
            &[user.clone(), User::new("v", 7, "a", "/")],
            std::slice::from_ref(&a),
            &expect!["the user id 7 belongs to `u` and to `v`"],
        );
        check(std::slice::from_ref(&user), &[], &expect!["`u` names `a`, which is not declared"]);
        check(&[], &[member(a, "ghost")], &expect!["`a` names `ghost`, which is not declared"]);
    }

    #[test]
    fn what_would_break_a_line_is_refused() {
        let group = [Group::new("a", 1)];
        check(
            &[User::new("u", 1, "a", "/:")],
            &group,
            &expect!["`/:` of user `u` has a colon or a line break in it"],
        );
        for name in ["", "Root", "a b", "-a", "a:b", "a\n", &"a".repeat(33)] {
            assert!(Accounts::merge(&[], &[Group::new(name, 1)]).is_err(), "{name:?}");
        }
    }
}
