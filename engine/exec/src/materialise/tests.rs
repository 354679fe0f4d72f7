//! Links and copies of outputs.

use wiz_base::{DigestFunction, Directory, Label};
use wiz_cas::StoreOptions;

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn target(label: &str, platform: &str) -> ConfiguredTarget {
    ConfiguredTarget {
        label: Label::parse(label, &RelPath::root()).unwrap(),
        platform: PlatformName::new(platform).unwrap(),
    }
}

struct Bench {
    home: tempfile::TempDir,
    store: Store,
    links: OutputLinks,
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("cache"), DigestFunction::Blake3, &StoreOptions::default())
            .unwrap();
        let links = OutputLinks {
            folder: home.path().join("wiz-out"),
            default_platform: PlatformName::new("x86_64").unwrap(),
        };
        Self { home, store, links }
    }

    /// A result with files of this text.
    fn result(&self, files: &[&str], text: &str) -> ActionResult {
        let mut builder = wiz_cas::TreeBuilder::new();
        let digest = self.store.put_bytes(text.as_bytes()).unwrap();
        for file in files {
            let node = Node::File { digest, executable: true };
            builder.insert(&self.store, &path(file), node).unwrap();
        }
        ActionResult { output_root: builder.build(&self.store).unwrap(), log: None, wall_ms: 0 }
    }
}

#[test]
fn outputs_are_linked_and_replaced_only_when_different() {
    let bench = Bench::new();
    let target = target("//pkgs/zlib:dev", "x86_64");
    let outputs = |text| vec![(path("a/b.txt"), bench.result(&["a/b.txt"], text))];
    let delivered = bench.links.link(&bench.store, &target, &outputs("1")).unwrap();
    let place = bench.home.path().join("wiz-out/pkgs/zlib/dev/a/b.txt");
    assert_eq!(delivered[0].path, place);
    assert_eq!(fs::read_to_string(&place).unwrap(), "1");
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&path.symlink_metadata().unwrap());
    let before = inode(&place);
    bench.links.link(&bench.store, &target, &outputs("1")).unwrap();
    assert_eq!(inode(&place), before);
    bench.links.link(&bench.store, &target, &outputs("2")).unwrap();
    assert_eq!(fs::read_to_string(&place).unwrap(), "2");
}

#[test]
fn other_platforms_have_folders_of_their_own() {
    let bench = Bench::new();
    let outputs = [(path("x"), bench.result(&["x"], "1"))];
    let delivered = bench.links.link(&bench.store, &target("//a:b", "aarch64"), &outputs).unwrap();
    assert_eq!(delivered[0].path, bench.home.path().join("wiz-out/@aarch64/a/b/x"));
}

#[test]
fn outputs_may_change_their_shape() {
    let bench = Bench::new();
    let target = target("//a:b", "x86_64");
    let shapes = [vec!["x/y", "old"], vec!["x"], vec!["x/y"]];
    for files in shapes {
        let outputs: Vec<_> = files.iter().map(|file| (path(file), bench.result(&files, "1"))).collect();
        for delivered in bench.links.link(&bench.store, &target, &outputs).unwrap() {
            assert_eq!(fs::read_to_string(delivered.path).unwrap(), "1");
        }
    }
    assert!(bench.home.path().join("wiz-out/a/b/old").symlink_metadata().is_err());
}

#[test]
fn copies_stand_alone() {
    let bench = Bench::new();
    let outputs = [(path("tree"), bench.result(&["tree/a/b", "tree/c"], "1"))];
    let folder = bench.home.path().join("copy");
    for _ in 0..2 {
        copy(&bench.store, &folder, &outputs).unwrap();
    }
    assert!(folder.join("tree/a/b").symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read_to_string(folder.join("tree/c")).unwrap(), "1");
}

#[test]
fn a_missing_output_is_an_error() {
    let bench = Bench::new();
    let result = ActionResult {
        output_root: bench.store.put_directory(Directory::new()).unwrap(),
        log: None,
        wall_ms: 0,
    };
    let error = bench.links.link(&bench.store, &target("//a:b", "x86_64"), &[(path("x"), result)]);
    assert_eq!(error.unwrap_err().to_string(), "the result has no output `x`");
}

#[test]
fn what_another_build_is_about_to_link_stays() {
    let bench = Bench::new();
    let target = target("//a:b", "x86_64");
    let outputs = [(path("x"), bench.result(&["x"], "1"))];
    bench.links.link(&bench.store, &target, &outputs).unwrap();
    let folder = bench.links.folder_of(&target);
    // No process has a number as large as this.
    let (working, killed) = (format!(".x.{}", std::process::id()), ".x.4294967295".to_owned());
    for name in [&working, &killed] {
        symlink("/somewhere", folder.join(name)).unwrap();
    }
    remove_stale(&folder, &outputs);
    assert!(folder.join(working).symlink_metadata().is_ok());
    assert!(folder.join(killed).symlink_metadata().is_err());
}
