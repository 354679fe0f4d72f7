//! Layers and layouts as other programs read them: GNU tar, skopeo, umoci.
//! A program that is not installed is named on the output, and its test ends.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests fail and report as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use expect_test::expect;
use wiz_base::RelPath;
use wiz_oci::descriptor::Platform;
use wiz_oci::image::{EncodedImage, Image, ImageLayer, Runtime};
use wiz_oci::layout::{Content, check, image_layout};
use wiz_oci::tar::{Entry, Kind, Metadata};
use wiz_oci::{LayerInfo, LayerPlan, SegmentInfo, SegmentWriter, Sha256Digest};

/// The year 2000.
const EPOCH: u64 = 946_684_800;

type Blobs = BTreeMap<Sha256Digest, Vec<u8>>;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// A name that only a PAX record can hold.
fn long_name() -> RelPath {
    path(&format!("srv/größe-{}", "n".repeat(200)))
}

fn file(at: RelPath, mode: u32, content: &str) -> (Entry, String) {
    let kind = Kind::File { size: content.len() as u64 };
    (Entry { path: at, kind, metadata: Metadata::root_owned(mode, EPOCH) }, content.to_owned())
}

fn link(at: &str, kind: Kind) -> (Entry, String) {
    (Entry { path: path(at), kind, metadata: Metadata::root_owned(0o755, EPOCH) }, String::new())
}

fn segment(entries: &[(Entry, String)]) -> (SegmentInfo, Vec<u8>) {
    let mut writer = SegmentWriter::new(Vec::new());
    for (entry, content) in entries {
        writer.append(entry, content.as_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

/// A layer of two segments with every kind of entry.
fn layer() -> (LayerInfo, Vec<u8>) {
    let mut owned = file(path("etc/secret"), 0o600, "s");
    owned.0.metadata.uid = 65_532;
    owned.0.metadata.xattrs.insert("user.note".to_owned(), b"two\nlines".to_vec());
    let first = segment(&[
        file(path("usr/bin/busybox"), 0o755, "#!"),
        link("usr/bin/sh", Kind::HardLink { target: path("usr/bin/busybox") }),
        link("bin", Kind::Symlink { target: "usr/bin".to_owned() }),
    ]);
    let second = segment(&[owned, file(long_name(), 0o644, &"x".repeat(1025))]);
    let declared = BTreeMap::from([(path("tmp"), Metadata::root_owned(0o1777, EPOCH))]);
    let plan =
        LayerPlan { declared: &declared, listed: [path("tmp")].into(), segments: vec![&first.0, &second.0] };
    let open = |info: &SegmentInfo| {
        Ok(io::Cursor::new(if info.digest == first.0.digest { first.1.clone() } else { second.1.clone() }))
    };
    plan.write(open, Vec::new()).unwrap()
}

fn image() -> (EncodedImage, Blobs) {
    let (layer, bytes) = layer();
    let blobs = BTreeMap::from([(layer.digest, bytes)]);
    let image = Image {
        platform: Platform { architecture: "amd64".into(), os: "linux".into(), variant: None },
        created: EPOCH,
        runtime: Runtime {
            user: Some("65532".into()),
            command: vec!["/bin/sh".into()],
            ..Runtime::default()
        },
        layers: vec![ImageLayer { layer, created_by: "wiz".into() }],
        annotations: BTreeMap::new(),
    };
    (image.encode(), blobs)
}

fn write_layout(folder: &Path) -> EncodedImage {
    let (image, blobs) = image();
    for file in image_layout(&image) {
        let place = folder.join(&file.path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let bytes = match file.content {
            Content::Bytes(bytes) => bytes,
            Content::Blob(blob) => blobs[&blob.digest].clone(),
        };
        fs::write(place, bytes).unwrap();
    }
    image
}

/// What a program prints; `None`, and a line that says so, if there is no such program.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(program).args(arguments).env("TZ", "UTC").output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("`{program}` is not installed: not compared with it");
            return None;
        }
        result => result.unwrap(),
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn gnu_tar_lists_every_entry_of_a_layer() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("layer.tar.gz");
    fs::write(&place, layer().1).unwrap();
    let arguments = ["--numeric-owner", "--quoting-style=literal", "-tvzf", place.to_str().unwrap()];
    let Some(listing) = run("tar", &arguments) else { return };
    let squeezed: Vec<String> =
        listing.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    expect![[r#"
        drwxr-xr-x 0/0 0 1970-01-01 00:00 etc/
        drwxr-xr-x 0/0 0 1970-01-01 00:00 srv/
        drwxrwxrwt 0/0 0 2000-01-01 00:00 tmp/
        drwxr-xr-x 0/0 0 1970-01-01 00:00 usr/
        drwxr-xr-x 0/0 0 1970-01-01 00:00 usr/bin/
        -rwxr-xr-x 0/0 2 2000-01-01 00:00 usr/bin/busybox
        hrwxr-xr-x 0/0 0 2000-01-01 00:00 usr/bin/sh link to usr/bin/busybox
        lrwxr-xr-x 0/0 0 2000-01-01 00:00 bin -> usr/bin
        -rw------- 65532/0 1 2000-01-01 00:00 etc/secret
        -rw-r--r-- 0/0 1025 2000-01-01 00:00 <long name>"#]]
    .assert_eq(&squeezed.join("\n").replace(long_name().as_str(), "<long name>"));
}

#[test]
fn python_reads_values_with_line_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("layer.tar.gz");
    fs::write(&place, layer().1).unwrap();
    let script = "import sys, tarfile
for entry in tarfile.open(sys.argv[1]):
    if entry.pax_headers: print(len(entry.name), entry.uid, sorted(entry.pax_headers.items()))";
    let Some(records) = run("python3", &["-c", script, place.to_str().unwrap()]) else { return };
    expect![[r#"
        10 65532 [('SCHILY.xattr.user.note', 'two\nlines')]
        210 0 [('path', '<long name>')]
    "#]]
    .assert_eq(&records.replace(long_name().as_str(), "<long name>"));
}

#[test]
fn skopeo_inspects_and_copies_a_layout() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a"), folder.path().join("b"));
    let image = write_layout(&source);
    let [from, to] = [&source, &target].map(|place| format!("oci:{}:latest", place.display()));
    let Some(report) = run("skopeo", &["inspect", &from]) else { return };
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["Digest"], image.manifest.descriptor.digest.to_string());
    assert_eq!(report["Layers"][0], image.layers[0].digest.to_string());
    assert_eq!(report["Created"], "2000-01-01T00:00:00Z");
    run("skopeo", &["--insecure-policy", "copy", "--preserve-digests", &from, &to]);
    let report = check(|path| fs::File::open(target.join(path))).unwrap();
    assert_eq!(report.manifests[0].digest, image.manifest.descriptor.digest);
}

#[test]
fn umoci_unpacks_a_layout() {
    let folder = tempfile::tempdir().unwrap();
    let (source, bundle) = (folder.path().join("a"), folder.path().join("bundle"));
    write_layout(&source);
    let from = format!("{}:latest", source.display());
    let unpack = ["unpack", "--rootless", "--image", &from, bundle.to_str().unwrap()];
    if run("umoci", &unpack).is_none() {
        return;
    }
    let root = bundle.join("rootfs");
    assert_eq!(fs::read_to_string(root.join("usr/bin/sh")).unwrap(), "#!");
    assert_eq!(fs::read_to_string(root.join("bin/busybox")).unwrap(), "#!");
    assert_eq!(fs::read(root.join(long_name())).unwrap().len(), 1025);
    let runtime: serde_json::Value =
        serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
    assert_eq!(runtime["process"]["args"][0], "/bin/sh");
}
