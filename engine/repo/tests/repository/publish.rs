//! Publication: a repository that only grows, and what it refuses.

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};

use crate::bench::{ARCH, Bench, names};

fn published(bench: &Bench) -> Vec<String> {
    names(&bench.path("published").join(ARCH))
}

/// Refuses to publish `packages` over `before`, and leaves everything as it was.
#[track_caller]
fn check_refused(before: &[&str], packages: &[&str], expected: &Expect) {
    let bench = Bench::new();
    bench.publish(&bench.signed("before", "first", before), "first").unwrap();
    let files = || -> Vec<(String, Vec<u8>)> {
        let folder = bench.path("published").join(ARCH);
        names(&folder).into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
    };
    let old = files();
    let from = bench.signed("after", "first", packages);
    expected.assert_eq(&bench.publish(&from, "first").unwrap_err().to_string());
    assert_eq!(files(), old);
    assert_eq!(bench.faults("published", &["first"]), "");
}

#[test]
fn old_packages_stay_beside_new_ones() {
    let bench = Bench::new();
    let first = bench.signed("one", "first", &["base 1-r0 /etc/base:one", "tool 1-r0 depends=base"]);
    let done = bench.publish(&first, "first").unwrap();
    assert_eq!(
        (done.added.as_slice(), done.total),
        (["base-1-r0".to_owned(), "tool-1-r0".to_owned()].as_slice(), 2)
    );
    let kept = fs::read(bench.path("published").join(ARCH).join("base-1-r0.apk")).unwrap();
    let second = bench.signed("two", "first", &["base 1-r1 /etc/base:two", "tool 1-r0 depends=base"]);
    let done = bench.publish(&second, "first").unwrap();
    assert_eq!((done.added.as_slice(), done.total), (["base-1-r1".to_owned()].as_slice(), 3));
    assert_eq!(published(&bench), ["APKINDEX.tar.gz", "base-1-r0.apk", "base-1-r1.apk", "tool-1-r0.apk"]);
    assert_eq!(fs::read(bench.path("published").join(ARCH).join("base-1-r0.apk")).unwrap(), kept);
    assert_eq!(bench.faults("published", &["first"]), "");
}

#[test]
fn publishing_again_changes_nothing() {
    let bench = Bench::new();
    let from = bench.signed("one", "first", &["base 1-r0 /etc/base:one"]);
    bench.publish(&from, "first").unwrap();
    let index = bench.path("published").join(ARCH).join("APKINDEX.tar.gz");
    let before = fs::metadata(&index).unwrap().modified().unwrap();
    let done = bench.publish(&from, "first").unwrap();
    assert!(done.added.is_empty() && done.resigned.is_empty());
    assert_eq!(fs::metadata(&index).unwrap().modified().unwrap(), before);
}

#[test]
fn what_is_published_keeps_its_content() {
    check_refused(
        &["base 1-r0 /etc/base:one"],
        &["base 1-r0 /etc/base:two"],
        &expect![[r#"
        `base-1-r0` is published with other content: `Q1tWKmeZUi65aNbftAK3DqL91KSLA=`, not `Q1XCQ4d/EDlpk1GIjfxaQz0bKBYtA=`
        hint: raise its `release`; what is published stays as it is"#]],
    );
}

#[test]
fn an_older_repository_is_refused() {
    let before = ["base 1-r0 /etc/base:one", "base 2-r0 /etc/base:two", "tool 1-r0"];
    check_refused(
        &before,
        &["base 1-r0 /etc/base:one", "tool 1-r0"],
        &expect![[r#"
        this repository is older than what is published: it has `base-1-r0`, and `base-2-r0` is published
        hint: publish from a newer revision, or `--allow-older` if older versions are to be added"#]],
    );
    check_refused(
        &before,
        &["base 1.9_rc1-r0 /etc/base:between", "more 1-r0"],
        &expect![[r#"
        this repository is older than what is published: it has `base-1.9_rc1-r0`, and `base-2-r0` is published
        hint: publish from a newer revision, or `--allow-older` if older versions are to be added"#]],
    );
}

#[test]
fn a_repository_that_cannot_be_installed_from_is_refused() {
    check_refused(
        &["base 1-r0"],
        &["tool 1-r0 depends=base>=2"],
        &expect![[r#"
        the repository would not be whole:
        `tool-1-r0` cannot be installed: cannot choose packages
          `base>=2` cannot be met
            required by world[tool=1-r0] -> tool-1-r0[base>=2]
            `base-1-r0` has another version"#]],
    );
}

#[test]
fn a_file_that_is_there_without_being_listed_is_not_replaced() {
    let bench = Bench::new();
    let other = bench.signed("other", "first", &["base 1-r0 /etc/base:other"]);
    let folder = bench.path("published").join(ARCH);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(other.join(ARCH).join("base-1-r0.apk"), folder.join("base-1-r0.apk")).unwrap();
    let from = bench.signed("one", "first", &["base 1-r0 /etc/base:one"]);
    let error = bench.publish(&from, "first").unwrap_err().to_string();
    assert!(error.starts_with("`base-1-r0` is published with other content"), "{error}");
}

#[test]
fn a_strangers_repository_is_not_published_into() {
    let bench = Bench::new();
    bench.publish(&bench.signed("one", "stranger", &["base 1-r0"]), "stranger").unwrap();
    let error = bench.publish(&bench.signed("two", "first", &["tool 1-r0"]), "first").unwrap_err();
    expect![[r#"
        `published/x86_64/APKINDEX.tar.gz` is not trusted: signed with `stranger-00000003.rsa.pub`, which is not a trusted key
        hint: give the folder of its public key with `--keys-dir`"#]].assert_eq(&without(&error.to_string(), &bench.path("")));
    // Nor is one whose index somebody changed.
    let bench = Bench::new();
    bench.publish(&bench.signed("one", "first", &["base 1-r0"]), "first").unwrap();
    let index = bench.path("published").join(ARCH).join("APKINDEX.tar.gz");
    let stranger = bench.signed("two", "stranger", &["evil 1-r0"]);
    let (mine, theirs) =
        (fs::read(&index).unwrap(), fs::read(stranger.join(ARCH).join("APKINDEX.tar.gz")).unwrap());
    let cut = |bytes: &[u8]| crate::openssl::member_length(bytes);
    fs::write(&index, [&mine[..cut(&mine)], &theirs[cut(&theirs)..]].concat()).unwrap();
    let error = bench.publish(&bench.signed("three", "first", &["tool 1-r0"]), "first").unwrap_err();
    expect![[r#"
        `published/x86_64/APKINDEX.tar.gz` is not trusted: the signature by `first-00000001.rsa.pub` does not fit the content
        hint: it was changed after it was signed: take it from where it was published"#]].assert_eq(&without(&error.to_string(), &bench.path("")));
}

#[test]
fn what_was_touched_since_it_was_signed_is_not_published() {
    let bench = Bench::new();
    let from = bench.signed("one", "first", &["base 1-r0 /etc/base:one"]);
    let package = from.join(ARCH).join("base-1-r0.apk");
    let mut bytes = fs::read(&package).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&package, bytes).unwrap();
    assert!(bench.publish(&from, "first").is_err());
    assert_eq!(published(&bench), [""; 0]);
    let error = bench.publish(&bench.path("published"), "first").unwrap_err().to_string();
    assert!(error.contains("into itself"), "{error}");
}

#[test]
fn a_new_key_takes_over_and_the_old_one_can_be_revoked() {
    let bench = Bench::new();
    bench.publish(&bench.signed("one", "first", &["base 1-r0", "tool 1-r0"]), "first").unwrap();
    let by_second = bench.signed("two", "second", &["base 1-r0", "tool 2-r0"]);

    // Rotated: the index is by the new key, old packages are as they were, both keys are there.
    let done = bench.publish_with(&by_second, "second", &["first", "second"], &[], &mut |_| {}).unwrap();
    assert_eq!((done.added.len(), done.resigned.len()), (1, 0));
    assert_eq!(names(&bench.path("published/keys")), ["first-00000001.rsa.pub", "second-00000002.rsa.pub"]);
    assert_eq!(bench.faults("published", &["first", "second"]), "");
    expect![[r#"
        `base-1-r0.apk`: signed with `first-00000001.rsa.pub`, which is not a trusted key
        `tool-1-r0.apk`: signed with `first-00000001.rsa.pub`, which is not a trusted key
    "#]]
    .assert_eq(&bench.faults("published", &["second"]));

    // Revoked: what the new index vouches for is signed anew, the old key goes.
    let done = bench.publish_with(&by_second, "second", &["second"], &["first"], &mut |_| {}).unwrap();
    assert_eq!(done.resigned, ["base-1-r0", "tool-1-r0"]);
    assert_eq!(names(&bench.path("published/keys")), ["second-00000002.rsa.pub"]);
    assert_eq!(bench.faults("published", &["second"]), "");
}

#[test]
fn an_index_by_a_revoked_key_vouches_for_nothing() {
    let bench = Bench::new();
    bench.publish(&bench.signed("one", "first", &["base 1-r0"]), "first").unwrap();
    let from = bench.signed("two", "second", &["base 1-r0"]);
    let error = bench.publish_with(&from, "second", &["second"], &["first"], &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("signed with `first-00000001.rsa.pub`, which is not a trusted key"));
}

fn without(text: &str, path: &Path) -> String {
    text.replace(&path.display().to_string(), "")
}
