//! The store as several processes see it: killed at any moment, short of space, or
//! working on the same things at once. The processes are this test's own binary,
//! told by an environment variable what to do.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, DigestFunction};
use wiz_cas::{Capture, CaptureMode, Store, StoreError, StoreOptions, StoredResult, Transfer, Undeclared};

/// `<role> <folder>` for a child process.
const ROLE: &str = "WIZ_CAS_TEST_ROLE";

/// Files in the tree that the processes capture and expand.
const FILES: usize = 60;

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("cache"), DigestFunction::Blake3, &StoreOptions::default()).unwrap()
}

fn key(round: usize) -> Digest {
    DigestFunction::Blake3.digest(round.to_string().as_bytes())
}

/// The bytes of one file: some large enough to be copied in pieces.
fn content(round: usize, file: usize) -> Vec<u8> {
    format!("{round} {file} ").into_bytes().repeat(if file == 0 { 100_000 } else { 100 })
}

/// What an action does with the store, in a folder of its own.
fn build(store: &Store, folder: &Path, round: usize) -> Result<Digest, StoreError> {
    let out = folder.join(format!("out-{}", std::process::id()));
    let _ = fs::remove_dir_all(&out);
    for file in 0..FILES {
        let path = out.join(format!("d{}/f{file}", file % 5));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content(round, file)).unwrap();
    }
    let policy = Capture {
        mode: CaptureMode::Plain,
        transfer: Transfer::Consume,
        declared: BTreeSet::new(),
        undeclared: Undeclared::Refuse,
    };
    let output_root = store.capture(&out, &policy).unwrap().root;
    let result = ActionResult { output_root, log: None, wall_ms: 0 };
    store.put_result(&key(round), &StoredResult { result, manifest: Vec::new() })?;
    store.expand(&output_root)?;
    Ok(output_root)
}

/// Uses what is in the store and makes what is not, as a build after a fault does.
fn check_right(folder: &Path, rounds: usize) {
    let store = open(folder);
    for round in 0..rounds {
        let hit = store.get_result(&key(round)).filter(|hit| store.is_complete(&hit.result));
        let root = match hit {
            Some(hit) => hit.result.output_root,
            None => build(&store, folder, round).unwrap(),
        };
        let path = store.expand(&root).unwrap().path;
        for file in 0..FILES {
            let bytes = fs::read(path.join(format!("d{}/f{file}", file % 5))).unwrap();
            assert!(bytes == content(round, file), "round {round}, file {file}");
        }
    }
    let verified = store.verify().unwrap();
    assert_eq!((verified.bad_blobs.len(), verified.bad_results.len()), (0, 0), "{verified:?}");
}

#[expect(clippy::disallowed_methods, reason = "the environment tells a child process its role")]
fn role() -> Option<(String, PathBuf)> {
    let role = std::env::var(ROLE).ok()?;
    let (role, folder) = role.split_once(' ')?;
    Some((role.to_owned(), folder.into()))
}

/// Does nothing in the test run itself; children run only this.
#[test]
fn child() {
    let Some((role, folder)) = role() else { return };
    match role.as_str() {
        "rounds" => {
            for round in 0..5 {
                build(&open(&folder), &folder, round).unwrap();
            }
        }
        "forever" => loop {
            // Each round in a store of its own, so that trees are looked at again.
            for round in 0..3 {
                build(&open(&folder), &folder, round).unwrap();
            }
            let _ = fs::remove_dir_all(folder.join("cache/v1-blake3/trees"));
            let _ = fs::create_dir(folder.join("cache/v1-blake3/trees"));
        },
        "full-disk" => full_disk(&folder),
        other => panic!("no role `{other}`"),
    }
}

fn spawn(role: &str, folder: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", "child"]).env(ROLE, format!("{role} {}", folder.display()));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn processes_do_the_same_things_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..3).map(|_| spawn("rounds", folder.path())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    check_right(folder.path(), 5);
}

#[test]
fn a_killed_process_costs_only_time() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("cache/v1-blake3/tmp");
    for moment in 0..12usize {
        let mut child = spawn("forever", folder.path());
        // A different moment each time: after that many looks at its progress.
        let mut looks = 0;
        while looks < 400 * (moment + 1) {
            looks += usize::from(fs::read_dir(&temporary).is_ok_and(|areas| areas.count() > 1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        check_right(folder.path(), 3);
    }
    let store = open(folder.path());
    store.put_bytes(b"sweeps").unwrap();
    let areas = fs::read_dir(&temporary).unwrap().flatten().filter(|entry| entry.path().is_dir());
    assert_eq!(areas.count(), 1, "only the living process has temporary files");
}

/// The child's part: no file may grow beyond a limit, which fails as a full disk does.
fn full_disk(folder: &Path) {
    let store = open(folder);
    let large = vec![7; 1 << 20];
    let full = |outcome: Result<Digest, StoreError>| match outcome {
        Err(error @ StoreError::Full { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let text = full(store.put_bytes(&large));
    assert!(text.starts_with("no space left while writing") && text.contains("hint: "), "{text}");
    full(store.put_reader(&mut &large[..]));
    full(store.put_file(&folder.join("large"), Transfer::Keep));
    let root = fs::read_to_string(folder.join("root")).unwrap().parse().unwrap();
    full(store.expand(&root).map(|tree| tree.digest));
    assert_eq!(fs::read_dir(store.trees_folder()).unwrap().count(), 0);
    // What needs no space still works.
    let small = store.put_bytes(b"small").unwrap();
    assert_eq!(store.read(&small).unwrap(), b"small");
    assert!(!store.contains(&DigestFunction::Blake3.digest(&large)));
    store.end_lease();
    let collected = store.collect(0, &mut |_| {}).unwrap().unwrap();
    assert_eq!(collected.after.blobs.count, 0, "{collected:?}");
    fs::write(folder.join("done"), "").unwrap();
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("large"), vec![7; 1 << 20]).unwrap();
    let store = open(folder.path());
    let big = store.put_bytes(&vec![9; 300_000]).unwrap();
    let mut builder = wiz_cas::TreeBuilder::new();
    let node = wiz_base::Node::File { digest: big, executable: false };
    builder.insert(&store, &"big".parse().unwrap(), node).unwrap();
    fs::write(folder.path().join("root"), builder.build(&store).unwrap().to_string()).unwrap();
    drop(store);
    // 25 is SIGXFSZ; ignored, the write fails instead. The limit counts 512 bytes.
    let script = r#"trap "" 25; ulimit -f 200; exec "$0" --exact child"#;
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(ROLE, format!("full-disk {}", folder.path().display()))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(folder.path().join("done").exists());
}

#[test]
fn an_unwritable_cache_is_a_clear_error() {
    // Root may write anywhere, so the folder is one that nobody may write.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let place = if rustix::process::geteuid().is_root() { Path::new("/proc/self") } else { folder.path() };
    let opened = Store::open(&place.join("cache"), DigestFunction::Blake3, &StoreOptions::default());
    assert!(matches!(opened, Err(StoreError::Unwritable { .. })), "{opened:?}");
}
