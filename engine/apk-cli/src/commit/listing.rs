//! The lines about what a transaction is going to do and is doing.

use std::cmp::Ordering;
use std::io::BufRead as _;

use wiz_solve::{Change, PackageId};

use crate::error::Failure;
use crate::output::{Indent, Stream, human_size, write};
use crate::session::Session;

/// A group of changes and the line above it.
struct Group {
    title: &'static str,
    is_in: fn(&Session, &Change) -> bool,
}

const UNAVAILABLE: &str = "NOTE: Consider running apk upgrade with --prune and/or --available.\n\
                           The following packages are no longer available from a repository";

const GOING: [Group; 2] = [
    Group { title: "The following packages will be REMOVED", is_in: |_, change| change.new.is_none() },
    Group {
        title: "The following packages will be DOWNGRADED",
        is_in: |session, change| compare(session, change) == Some(Ordering::Less),
    },
];

const COMING: [Group; 3] = [
    Group { title: "The following NEW packages will be installed", is_in: |_, change| change.old.is_none() },
    Group {
        title: "The following packages will be upgraded",
        is_in: |session, change| {
            change.new != change.old && compare(session, change).is_some_and(Ordering::is_ge)
        },
    },
    Group { title: "The following packages will be reinstalled", is_in: |_, change| change.is_reinstall },
];

/// How the new package's version compares with the old one's; `None` without both.
fn compare(session: &Session, change: &Change) -> Option<Ordering> {
    let version = |id: PackageId| &session.pool.package(id).record.version;
    Some(version(change.new?).compare(version(change.old?)))
}

/// Says what is going to be done, where more than the steps is wanted, and asks whether
/// to go on, where that is wanted; whether to go on.
pub(super) fn announce(session: &Session, changes: &[Change]) -> Result<bool, Failure> {
    let (output, is_interactive) = (&session.settings.output, session.settings.interactive);
    if output.verbosity < 2 && !is_interactive {
        return Ok(true);
    }
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_by_key(|change| {
        let subject = change.old.or(change.new).expect("a change has at least one package");
        let (folded, text) = session.pool.display_key(session.pool.package(subject).name);
        (folded, text.to_owned())
    });
    let is_detailed = output.verbosity >= 2;
    let is_gone = |change: &&&Change| {
        change.new.is_some_and(|new| {
            let package = session.pool.package(new);
            let is_hidden = package.record.name.as_str().starts_with('.') && !is_detailed;
            !session.pool.is_in_repository(package.name) && !is_hidden
        })
    };
    let gone: Vec<&Change> = sorted.iter().filter(is_gone).copied().collect();
    show(session, UNAVAILABLE, &gone, false);
    let mut count = 0;
    let mut list = |groups: &[Group]| {
        for group in groups {
            let members: Vec<&Change> =
                sorted.iter().filter(|change| (group.is_in)(session, change)).copied().collect();
            show(session, group.title, &members, is_detailed);
            count += members.len();
        }
        count
    };
    let going = list(&GOING);
    if going > 0 || is_interactive || output.verbosity > 2 {
        let all = list(&COMING);
        sizes(session, changes);
        return Ok(all == 0 || !is_interactive || session.settings.simulate || confirm());
    }
    Ok(true)
}

fn show(session: &Session, title: &str, changes: &[&Change], is_detailed: bool) {
    if changes.is_empty() {
        return;
    }
    if is_detailed {
        write(Stream::Out, &format!("{title}:\n"));
        changes.iter().for_each(|change| write(Stream::Out, &format!("  {}\n", versions(session, change))));
        return;
    }
    let mut words = session.settings.output.words(&format!("{title}:"), Indent::Columns(2));
    changes.iter().for_each(|change| words.add(session.pool.package(change.subject()).record.name.as_str()));
    words.end(Stream::Out);
}

/// `name@tag (old -> new)`.
fn versions(session: &Session, change: &Change) -> String {
    let version = |id: PackageId| session.pool.package(id).record.version.to_string();
    let name = &session.pool.package(change.subject()).record.name;
    let tag = session.pool.tag_suffix(change.new_tag);
    match (change.old, change.new) {
        (Some(old), Some(new)) if old != new => format!("{name}{tag} ({} -> {})", version(old), version(new)),
        (old, new) => {
            let shown = new.or(old).map(version).unwrap_or_default();
            format!("{name}{tag} ({shown})")
        }
    }
}

fn sizes(session: &Session, changes: &[Change]) {
    let record = |id: PackageId| &session.pool.package(id).record;
    let downloads = changes.iter().filter(|change| change.new != change.old).filter_map(|change| change.new);
    let download: u64 = downloads.filter(|id| session.is_remote(*id)).map(|id| record(id).size).sum();
    if download > 0 {
        session.settings.output.message(&format!("Need to download {} of packages.", human_size(download)));
    }
    let size = |id: Option<PackageId>| id.map_or(0, |id| super::signed(record(id).installed_size));
    let growth: i64 = changes.iter().map(|change| size(change.new) - size(change.old)).sum();
    let what = if growth < 0 { "disk space will be freed" } else { "additional disk space will be used" };
    let text = format!("After this operation, {} of {what}.", human_size(growth.unsigned_abs()));
    session.settings.output.message(&text);
}

fn confirm() -> bool {
    write(Stream::Out, "Do you want to continue [Y/n]? ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.chars().next(), None | Some('y' | 'Y' | '\n'))
}

/// Numbers the steps of a transaction.
#[derive(Debug)]
pub(super) struct Steps {
    total: usize,
    done: usize,
}

impl Steps {
    pub(super) fn new(session: &Session, changes: &[Change]) -> Self {
        let total = changes.iter().filter(|change| title(session, change).is_some()).count();
        Self { total, done: 0 }
    }

    /// Says which step is next, if the change is one.
    pub(super) fn say(&mut self, session: &Session, change: &Change) {
        let Some(title) = title(session, change) else { return };
        self.done += 1;
        let width = self.total.to_string().len();
        let number = format!("({:width$}/{})", self.done, self.total);
        session.settings.output.message(&format!("{number} {title} {}", versions(session, change)));
    }
}

/// What apk calls the step; `None` if nothing is done.
fn title(session: &Session, change: &Change) -> Option<&'static str> {
    match (change.old, change.new) {
        (None, _) => Some("Installing"),
        (_, None) => Some("Purging"),
        (Some(old), Some(new)) if old == new => {
            if change.is_reinstall {
                Some(if is_at_hand(session, new) {
                    "Reinstalling"
                } else {
                    "[APK unavailable, skipped] Reinstalling"
                })
            } else {
                (change.old_tag != change.new_tag).then_some("Updating pinning")
            }
        }
        _ => compare(session, change).map(|order| match order {
            Ordering::Less => "Downgrading",
            Ordering::Equal => "Replacing",
            Ordering::Greater => "Upgrading",
        }),
    }
}

/// Whether the package's bytes can be had.
pub(super) fn is_at_hand(session: &Session, id: PackageId) -> bool {
    let package = session.pool.package(id);
    package.is_cached || package.is_file || session.pool.is_reachable(id)
}
