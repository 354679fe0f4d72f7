//! Keys in a folder: made, rotated, revoked, and refused when they are not kept well.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::{Expect, expect};

use wiz_repo::RepositoryError;
use wiz_repo::key_folder::{KeyFolder, load};

/// Small numbers of bits are for tests alone, so keys are made by hand here.
fn put_key(folder: &KeyFolder, name: &str, signs: bool) {
    fs::create_dir_all(folder.path()).unwrap();
    let path = private(folder, name);
    openssl(&["genrsa", "-out", path.to_str().unwrap(), "2048"]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let public = folder.path().join(format!("{name}.rsa.pub"));
    openssl(&["rsa", "-in", path.to_str().unwrap(), "-pubout", "-out", public.to_str().unwrap()]);
    if signs {
        let link = private(folder, name.rsplit_once('-').unwrap().0);
        let _ = fs::remove_file(&link);
        symlink(path.file_name().unwrap(), link).unwrap();
    }
}

fn private(folder: &KeyFolder, name: &str) -> PathBuf {
    folder.path().join(format!("{name}.rsa"))
}

fn openssl(arguments: &[&str]) {
    let ended = Command::new("openssl").args(arguments).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

fn shown(folder: &KeyFolder) -> String {
    let keys = folder.list().unwrap();
    keys.iter().map(|key| format!("{} {}\n", key.name, key.state.as_str())).collect()
}

#[test]
fn a_missing_folder_has_no_keys() {
    let folder = KeyFolder::new("/nonexistent/keys".into());
    assert_eq!(folder.list().unwrap(), []);
    assert!(folder.signing("wizos").unwrap().is_none());
    assert!(folder.trusted("wizos").unwrap().is_empty());
}

#[test]
fn a_key_is_made_once_and_only_its_owner_can_read_it() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = KeyFolder::new(scratch.path().join("wiz/keys"));
    let (key, made) = folder.signing_or_new("wizos", &mut getrandom::SysRng).unwrap();
    let path = made.unwrap();
    assert_eq!(path.file_name().unwrap().to_str().unwrap(), format!("{}.rsa", key.name()));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(folder.path())), (0o600, 0o700));
    assert!(fs::read_to_string(&path).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let (again, made) = folder.signing_or_new("wizos", &mut getrandom::SysRng).unwrap();
    assert!(made.is_none());
    assert_eq!(again.public(), key.public());
    assert_eq!(folder.trusted("wizos").unwrap()[&key.public_file_name()].0, key.public());
    assert!(matches!(
        folder.first("wizos", &mut getrandom::SysRng),
        Err(RepositoryError::HasKey { name, .. }) if name == key.name()
    ));
    assert!(folder.rotate("wizos-12345678", &mut getrandom::SysRng).is_err(), "that is a key's name");
    assert!(folder.rotate("wiz os", &mut getrandom::SysRng).is_err());
}

#[test]
fn keys_are_retired_and_revoked() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = KeyFolder::new(scratch.path().to_owned());
    put_key(&folder, "wizos-00000001", true);
    put_key(&folder, "wizos-00000002", true);
    put_key(&folder, "wizos-dev-00000003", true);
    expect![[r#"
        wizos-00000001 retired
        wizos-00000002 signing
        wizos-dev-00000003 signing
    "#]]
    .assert_eq(&shown(&folder));
    assert_eq!(folder.signing("wizos").unwrap().unwrap().public_file_name(), "wizos-00000002.rsa.pub");
    let trusted = |owner| folder.trusted(owner).unwrap().into_keys().collect::<Vec<_>>();
    assert_eq!(trusted("wizos"), ["wizos-00000001.rsa.pub", "wizos-00000002.rsa.pub"]);
    assert_eq!(trusted("wizos-dev"), ["wizos-dev-00000003.rsa.pub"]);

    folder.revoke("wizos-00000001.rsa.pub").unwrap();
    folder.revoke("wizos-00000001").unwrap();
    expect![[r#"
        wizos-00000001 revoked
        wizos-00000002 signing
        wizos-dev-00000003 signing
    "#]]
    .assert_eq(&shown(&folder));
    assert_eq!(trusted("wizos"), ["wizos-00000002.rsa.pub"]);
    assert_eq!(folder.revoked().unwrap().into_iter().collect::<Vec<_>>(), ["wizos-00000001.rsa.pub"]);
    assert!(!private(&folder, "wizos-00000001").exists());
    let refused = |name: &str| {
        let text = folder.revoke(name).unwrap_err().to_string();
        text.replace(&scratch.path().display().to_string(), "KEYS")
    };
    expect![[r#"
        `wizos-00000002` is what repositories are signed with
        hint: `wiz key rotate` first, and publish with the new key"#]]
    .assert_eq(&refused("wizos-00000002"));
    expect![[r#"
        there is no key `wizos-9` in `KEYS`
        hint: `wiz key list` names them"#]]
    .assert_eq(&refused("wizos-9"));
}

#[track_caller]
fn check_refused(arguments: &[&str], mode: u32, expected: &Expect) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("mine.pem");
    let words: Vec<&str> =
        arguments.iter().map(|word| if *word == "OUT" { path.to_str().unwrap() } else { word }).collect();
    match words.split_first() {
        Some((&"text", rest)) => fs::write(&path, rest.concat()).unwrap(),
        _ => openssl(&words),
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let error = load(&path).unwrap_err().to_string();
    expected.assert_eq(&error.replace(&scratch.path().display().to_string(), "KEYS"));
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let rsa = ["genrsa", "-out", "OUT", "2048"];
    check_refused(
        &rsa,
        0o644,
        &expect![[r#"
        the key `KEYS/mine.pem` has mode 0644: others than its owner can use it
        hint: `chmod 600 KEYS/mine.pem`, and if others may have read it, `wiz key rotate`"#]],
    );
    check_refused(
        &rsa,
        0o640,
        &expect![[r#"
        the key `KEYS/mine.pem` has mode 0640: others than its owner can use it
        hint: `chmod 600 KEYS/mine.pem`, and if others may have read it, `wiz key rotate`"#]],
    );
    check_refused(
        &["genrsa", "-out", "OUT", "1024"],
        0o600,
        &expect![
            "the key `KEYS/mine.pem` cannot be used: `mine` has 1024 bits, hint: 2048 are the least, `wiz key new` makes 4096"
        ],
    );
    check_refused(
        &["text", "no key"],
        0o600,
        &expect![
            "the key `KEYS/mine.pem` cannot be used: `mine` is not an RSA private key in PEM, hint: PKCS#8 and PKCS#1 are read, encrypted keys are not"
        ],
    );
    let encrypted = ["genpkey", "-algorithm", "RSA", "-aes256", "-pass", "pass:secret", "-out", "OUT"];
    check_refused(
        &encrypted,
        0o600,
        &expect![
            "the key `KEYS/mine.pem` cannot be used: `mine` is not an RSA private key in PEM, hint: PKCS#8 and PKCS#1 are read, encrypted keys are not"
        ],
    );
    let other = ["genpkey", "-algorithm", "ED25519", "-out", "OUT"];
    check_refused(
        &other,
        0o600,
        &expect![
            "the key `KEYS/mine.pem` cannot be used: `mine` is not an RSA private key in PEM, hint: PKCS#8 and PKCS#1 are read, encrypted keys are not"
        ],
    );
    let missing = load(Path::new("/nonexistent.rsa")).unwrap_err().to_string();
    expect![[r#"
        there is no key at `/nonexistent.rsa`
        hint: `--signing-key`, `WIZ_SIGNING_KEY` or `signing_key` in config.toml names it; without them `wiz` makes one"#]].assert_eq(&missing);
}

#[test]
fn keys_that_openssl_makes_are_read_in_both_forms() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    openssl(&["genrsa", "-traditional", "-out", &path("older.rsa"), "2048"]);
    openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", &path("older.rsa"), "-out", &path("newer.rsa")]);
    for name in ["older.rsa", "newer.rsa"] {
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let text = |name: &str| fs::read_to_string(path(name)).unwrap();
    assert!(text("older.rsa").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    assert!(text("newer.rsa").starts_with("-----BEGIN PRIVATE KEY-----"));
    let (older, newer) = (load(Path::new(&path("older.rsa"))), load(Path::new(&path("newer.rsa"))));
    let (older, newer) = (older.unwrap(), newer.unwrap());
    assert_eq!(older.public(), newer.public());
    assert_eq!((older.public_file_name(), newer.name().to_owned()), ("older.rsa.pub".into(), "newer".into()));
}
