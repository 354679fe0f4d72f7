//! Requests to a small index, met and not.

use expect_test::{Expect, expect};

use super::*;

/// Name, version and further fields of each package.
const PACKAGES: [(&str, &str, &str); 12] = [
    ("shell", "5.2", "Pre-Depends: libc (>= 2.36)\nDepends: base, awk\n"),
    ("libc", "2.36", "Depends: libgcc\n"),
    ("libgcc", "12", "Depends: libc\n"),
    ("base", "12", ""),
    ("mawk", "1", "Provides: awk\n"),
    ("gawk", "1:5", "Provides: awk\nDepends: libc\n"),
    ("make", "4.3", "Depends: absent | libc (>= 9) | libgcc, shell (>= 1:0) | base\n"),
    ("old", "1", "Depends: libc (<< 2)\n"),
    ("lost", "1", "Depends: absent | nowhere\n"),
    ("mail", "1", "Depends: agent\n"),
    ("postman", "1", "Provides: agent\n"),
    ("terminfo", "1", "Depends: libc | base\n"),
];

#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(packages: &[&str], without: &[&str], expected: Expect) {
    let digest = "0f".repeat(32);
    let entry = |(name, version, more): &(&str, &str, &str)| {
        format!(
            "Package: {name}\nVersion: {version}\n{more}Filename: pool/{name}\nSize: 7\nSHA256: {digest}\n\n"
        )
    };
    let index = Index::parse(&PACKAGES.iter().map(entry).collect::<String>()).unwrap();
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let wanted = Wanted { packages: names(packages), without: names(without) };
    let shown = match closure(&index, &wanted) {
        Ok(found) => {
            let idle: String = found.idle.iter().map(|name| format!(", {name} is idle")).collect();
            let names: Vec<_> = found.packages.into_keys().collect();
            format!("{}{idle}\n", names.join(" "))
        }
        Err(errors) => errors.iter().map(|error| format!("{error}\n")).collect(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn needs_are_followed() {
    check(
        &["libc"],
        &[],
        expect![[r#"
        libc libgcc
    "#]],
    );
    check(
        &["make"],
        &[],
        expect![[r#"
        base libc libgcc make
    "#]],
    );
    check(
        &["mail"],
        &[],
        expect![[r#"
        mail postman
    "#]],
    );
}

#[test]
fn what_is_left_out_ends_the_way() {
    check(
        &["shell"],
        &["libc", "awk"],
        expect![[r#"
        base shell
    "#]],
    );
    check(
        &["shell"],
        &["libc", "base", "mawk", "gawk"],
        expect![[r#"
        shell
    "#]],
    );
    check(
        &["shell"],
        &["libc", "base", "mawk"],
        expect![[r#"
            gawk shell
        "#]],
    );
    check(
        &["mail"],
        &["postman", "shell"],
        expect![[r#"
        mail, shell is idle
    "#]],
    );
    check(
        &["terminfo"],
        &["libc"],
        expect![[r#"
        terminfo
    "#]],
    );
}

#[test]
fn what_is_named_is_preferred() {
    check(
        &["shell", "gawk"],
        &["libc", "base"],
        expect![[r#"
        gawk shell
    "#]],
    );
    check(
        &["terminfo", "base"],
        &[],
        expect![[r#"
        base terminfo
    "#]],
    );
}

#[test]
fn what_cannot_be_met_is_said() {
    check(
        &["shel", "zzz"],
        &[],
        expect![[r#"
        the index has no package `shel`
        hint: did you mean `shell`?
        the index has no package `zzz`
    "#]],
    );
    check(
        &["shell"],
        &[],
        expect![[r#"
            package `shell` needs `awk`, which is provided by each of `gawk`, `mawk`
            hint: name one of them in `packages`, or leave `awk` out with `without`
        "#]],
    );
    check(
        &["old", "lost"],
        &[],
        expect![[r#"
        package `lost` needs `absent | nowhere`, and the index has no `absent`, the index has no `nowhere`
        hint: leave out what is not needed with `without`
        package `old` needs `libc (<< 2)`, and the index has `libc` 2.36
        hint: leave out what is not needed with `without`
    "#]],
    );
    check(
        &["base"],
        &["base"],
        expect![[r#"
        package `base` is both asked for and left out
    "#]],
    );
}
