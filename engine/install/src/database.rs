//! apk's database for a set of installed packages, as files of the root.
//!
//! Repositories and keys are not here: they say where more comes from, not what is
//! installed.

use std::collections::BTreeMap;

use wiz_apk::archive::ArchiveError;
use wiz_apk::database::{scripts, triggers, world};

use crate::ownership::{Ownership, OwnershipError};
use crate::package::Package;

/// Where the database lies below the root.
pub const FOLDER: &str = "usr/lib/apk/db";

/// Renders the database of `packages`, which are in the order of installation, as
/// files by path below the root: `installed`, `scripts.tar` and `triggers` in
/// [`FOLDER`], `etc/apk/world` and `etc/apk/arch`. No package has scripts: what they
/// would do is declared. `epoch` is in seconds since 1970.
///
/// # Errors
/// [`DatabaseError`] if two packages have a file that they must not share.
pub fn render(
    packages: &[Package],
    wishes: &[world::WorldDependency],
    arch: &str,
    epoch: u64,
) -> Result<BTreeMap<String, Vec<u8>>, DatabaseError> {
    let ownership = Ownership::settle(packages)?;
    let installed: String = (0..packages.len()).map(|index| piece(packages, &ownership, index)).collect();
    let triggered = packages.iter().filter_map(|package| {
        let identity = package.record.identity?;
        Some(triggers::Triggers { identity, patterns: package.triggers.clone() })
    });
    let triggers = triggers::format(&triggered.collect::<Vec<_>>());
    Ok(BTreeMap::from([
        (format!("{FOLDER}/installed"), installed.into_bytes()),
        (format!("{FOLDER}/scripts.tar"), scripts::format(&[], epoch)?),
        (format!("{FOLDER}/triggers"), triggers.into_bytes()),
        ("etc/apk/world".to_owned(), world::format(wishes).into_bytes()),
        ("etc/apk/arch".to_owned(), format!("{arch}\n").into_bytes()),
    ]))
}

/// The part of `installed` that describes the package with this index, the empty line
/// behind it included. `installed` is these pieces in order.
#[must_use]
pub fn piece(packages: &[Package], ownership: &Ownership, index: usize) -> String {
    let is_dropped = |path: &str| ownership.is_dropped(index, path);
    format!("{}\n", packages[index].installed(&is_dropped))
}

/// A database that cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Two packages have the same file.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// The archive of scripts cannot be written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use wiz_apk::database::installed;
    use wiz_apk::{Checksum, Entry, Owner, PkgInfo};

    use super::*;

    fn packages() -> Vec<Package> {
        let owner = Owner { uid: 0, gid: 42, user: String::new(), group: String::new() };
        let info = PkgInfo::new("busybox".parse().unwrap(), "1.37-r0".parse().unwrap(), "x86_64");
        let entries = vec![
            Entry::directory("usr"),
            Entry { mode: 0o755, ..Entry::file("usr/bin/busybox", b"program") },
            Entry { mode: 0o755, ..Entry::hard_link("usr/bin/sh", "usr/bin/busybox") },
            Entry { mode: 0o1777, ..Entry::directory("tmp") },
            Entry { owner, mode: 0o640, ..Entry::file("shadow", b"") },
        ];
        let busybox = Package::new(&info, Checksum::sha1(b"busybox"), 900, entries);
        let info = PkgInfo {
            replaces: vec!["busybox".parse().unwrap()],
            depends: vec!["so:libc.so.6".parse().unwrap()],
            triggers: vec!["/usr/bin".to_owned()],
            ..PkgInfo::new("dash".parse().unwrap(), "0.5-r1".parse().unwrap(), "x86_64")
        };
        let entries = vec![Entry::symlink("usr/bin/sh", "dash")];
        vec![busybox, Package::new(&info, Checksum::sha1(b"dash"), 80, entries)]
    }

    #[test]
    fn the_database_lists_what_each_package_owns() {
        let wishes = ["dash".parse().unwrap(), "busybox".parse().unwrap()];
        let files = render(&packages(), &wishes, "x86_64", 0).unwrap();
        let mut shown = String::new();
        for (path, bytes) in &files {
            match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => shown.push_str(&format!("== {path}\n{text}")),
                _ => shown.push_str(&format!("== {path} ({} bytes)\n", bytes.len())),
            }
        }
        expect![[r#"
            == etc/apk/arch
            x86_64
            == etc/apk/world
            busybox
            dash
            == usr/lib/apk/db/installed
            C:Q1LxBvJ/ofKKik4CrrENc7ePnJsko=
            P:busybox
            V:1.37-r0
            A:x86_64
            S:900
            I:0
            F:
            R:shadow
            a:0:42:640
            Z:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=
            F:tmp
            M:0:0:1777
            F:usr
            F:usr/bin
            R:busybox
            a:0:0:755
            Z:Q1gdmu6g4aQI1ltmYKF2xd6D3Jjns=

            C:Q18zGZY3INIpPtUEux9cHEqHkUejQ=
            P:dash
            V:0.5-r1
            A:x86_64
            S:80
            I:0
            D:so:libc.so.6
            r:busybox
            F:usr/bin
            R:sh
            a:0:0:777
            Z:Q18zGZY3INIpPtUEux9cHEqHkUejQ=

            == usr/lib/apk/db/scripts.tar (1024 bytes)
            == usr/lib/apk/db/triggers
            Q18zGZY3INIpPtUEux9cHEqHkUejQ= /usr/bin
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn the_database_is_its_pieces_and_is_read_back() {
        let packages = packages();
        let ownership = Ownership::settle(&packages).unwrap();
        let pieces: String = (0..2).map(|index| piece(&packages, &ownership, index)).collect();
        let files = render(&packages, &[], "x86_64", 0).unwrap();
        assert_eq!(files["usr/lib/apk/db/installed"], pieces.as_bytes());
        let parsed = installed::parse(&pieces).unwrap();
        assert_eq!(parsed.len(), 2);
        assert_eq!(installed::format(&parsed), pieces);
    }
}
