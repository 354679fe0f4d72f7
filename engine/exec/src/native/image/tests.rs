//! Images: layers, configuration and contents, pinned and read by others.

use std::path::Path;
use std::process::Command;

use expect_test::expect;
use serde_json::{Value, json};
use wiz_graph::native::NativeKind;

use crate::native::NativeOutput;
use crate::native::sample_packages::{Sample, base_and_tool, pack, solved};
use crate::native::testing::Bench;

fn image(bench: &mut Bench, world: &[&str], samples: &[Sample]) -> NativeOutput {
    let solution = solved(bench, world, samples);
    let packages: Vec<Value> = samples
        .iter()
        .map(|sample| json!({"segment": sample.segment, "info": sample.info, "record": sample.record}))
        .collect();
    let params = json!({
        "packages": packages,
        "solution": solution,
        "config": {
            "user": "65532:65532",
            "entrypoint": [],
            "command": ["/usr/bin/tool"],
            "environment": {"PATH": "/usr/bin"},
            "working_directory": "/",
            "labels": {"made": "up"},
        },
        "annotations": {"org.opencontainers.image.title": "sample"},
        "arch": "x86_64",
        "layout": {"$output": "oci"},
        "contents": {"$output": "contents.json"},
    });
    bench.run(NativeKind::Image, &params).unwrap()
}

fn json(bench: &Bench, output: &NativeOutput, path: &str) -> Value {
    serde_json::from_str(&bench.text(output, path)).unwrap()
}

fn blob(bench: &Bench, output: &NativeOutput, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
    json(bench, output, &format!("oci/blobs/{digest}"))
}

/// Writes the output's files to a folder.
fn write(bench: &Bench, output: &NativeOutput, folder: &Path) {
    for entry in bench.store.walk(&output.root) {
        let (path, node) = entry.unwrap();
        let place = folder.join(path.as_str());
        match node {
            wiz_base::Node::File { digest, .. } => {
                std::fs::write(place, bench.store.read(&digest).unwrap()).unwrap();
            }
            _ => std::fs::create_dir_all(place).unwrap(),
        }
    }
}

#[test]
fn an_image_is_pinned() {
    let mut bench = Bench::new();
    let samples = base_and_tool(&mut bench);
    let output = image(&mut bench, &["tool"], &samples);
    assert_eq!(image(&mut bench, &["tool"], &samples), output);
    let index = json(&bench, &output, "oci/index.json");
    let manifest = blob(&bench, &output, &index["manifests"][0]);
    expect![[r#"
        {
          "manifests": [
            {
              "annotations": {
                "org.opencontainers.image.ref.name": "latest"
              },
              "digest": "sha256:739d697af9b88db1078252431663427c44feabe3eb91ea2808d02342604fc2f7",
              "mediaType": "application/vnd.oci.image.manifest.v1+json",
              "platform": {
                "architecture": "amd64",
                "os": "linux"
              },
              "size": 614
            }
          ],
          "mediaType": "application/vnd.oci.image.index.v1+json",
          "schemaVersion": 2
        }
        {
          "annotations": {
            "org.opencontainers.image.title": "sample"
          },
          "config": {
            "digest": "sha256:bbaa3224760a496e2cea775157c3da65140c0bc13314da1bda453fc1a4afa411",
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": 567
          },
          "layers": [
            {
              "digest": "sha256:06d01925d7a3de653fdc7b09f22f5b122e063327353c0cc1269229f72a94a3d1",
              "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
              "size": 822
            },
            {
              "digest": "sha256:8ad0295539808101ebf3c763d0dfeb25b5829fa1a59e5f2564785b22105d7af1",
              "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
              "size": 1038
            }
          ],
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "schemaVersion": 2
        }
    "#]]
    .assert_eq(&format!("{index:#}\n{manifest:#}\n"));
    expect!["a789b4c7c685885582ed7ab798b79e2df536b4b6aa53e386001ba0a1f111b7c3/166"]
        .assert_eq(&output.root.to_string());
    let open = |path: &wiz_base::RelPath| {
        let bytes = bench.read(&output, &format!("oci/{path}"));
        Ok(std::io::Cursor::new(bytes))
    };
    assert_eq!(wiz_oci::layout::check(open).unwrap().blobs.len(), 4);
}

#[test]
fn the_configuration_is_as_old_as_the_newest_package() {
    let mut bench = Bench::new();
    let samples = base_and_tool(&mut bench);
    let output = image(&mut bench, &["tool"], &samples);
    let index = json(&bench, &output, "oci/index.json");
    let manifest = blob(&bench, &output, &index["manifests"][0]);
    let config = blob(&bench, &output, &manifest["config"]);
    expect![[r#"
        {
          "architecture": "amd64",
          "config": {
            "Cmd": [
              "/usr/bin/tool"
            ],
            "Env": [
              "PATH=/usr/bin"
            ],
            "Labels": {
              "made": "up"
            },
            "User": "65532:65532",
            "WorkingDir": "/"
          },
          "created": "2026-01-01T00:00:01Z",
          "history": [
            {
              "created": "2026-01-01T00:00:01Z",
              "created_by": "packages: base-1.0-r0 tool-1.0-r0"
            },
            {
              "created": "2026-01-01T00:00:01Z",
              "created_by": "installed database and what packages share"
            }
          ],
          "os": "linux",
          "rootfs": {
            "diff_ids": [
              "sha256:d79c2f95a1a1db35086607e3e068eee2b923e1e751398837360a3d245223bd42",
              "sha256:fe84e427ae55627c7680d3ae6cb44762899d45f6a923a0da691dae906cd1fae8"
            ],
            "type": "layers"
          }
        }
    "#]]
    .assert_eq(&format!("{config:#}\n"));
}

#[test]
fn contents_name_the_package_of_every_file() {
    let mut bench = Bench::new();
    let samples = base_and_tool(&mut bench);
    let output = image(&mut bench, &["tool"], &samples);
    let contents = json(&bench, &output, "contents.json");
    let line = |file: &Value| {
        let text = |key: &str| file[key].as_str().unwrap_or("-").to_owned();
        format!("{} {} {} {} {}\n", text("mode"), text("kind"), text("path"), file["size"], text("package"))
    };
    let shown: String = contents["files"].as_array().unwrap().iter().map(line).collect();
    expect![[r#"
        0777 symlink bin 0 base
        0755 directory etc 0 base
        0755 directory etc/apk 0 -
        0644 file etc/apk/arch 7 -
        0644 file etc/apk/world 5 -
        0644 file etc/group 21 -
        0644 file etc/ld.so.cache 94 -
        0644 file etc/passwd 60 -
        0755 directory home 0 base
        0700 directory home/nonroot 0 base
        0777 symlink lib 0 base
        1777 directory tmp 0 base
        0755 directory usr 0 tool
        0755 directory usr/bin 0 tool
        0777 symlink usr/bin/t 0 -
        0755 file usr/bin/tool 7 tool
        0755 directory usr/lib 0 tool
        0755 directory usr/lib/apk 0 -
        0755 directory usr/lib/apk/db 0 -
        0644 file usr/lib/apk/db/installed 760 -
        0644 file usr/lib/apk/db/scripts.tar 1024 -
        0644 file usr/lib/apk/db/triggers 0 -
        0777 symlink usr/lib/libtool.so 0 tool
        0644 file usr/lib/libtool.so.1 7 tool
        0755 directory usr/lib/wiz 0 tool
        0755 directory usr/lib/wiz/effects.d 0 tool
        0644 file usr/lib/wiz/effects.d/tool.json 409 tool
    "#]]
    .assert_eq(&shown);
}

#[test]
fn big_origins_get_layers_of_their_own_that_images_share() {
    let mut bench = Bench::new();
    let [base, tool] = base_and_tool(&mut bench);
    let big = pack(&mut bench, "big", 0, &format!("usr/share/big {}", "x".repeat(300_000)), &|_| {});
    let layers = |bench: &Bench, output: &NativeOutput| {
        let index = json(bench, output, "oci/index.json");
        blob(bench, output, &index["manifests"][0])["layers"].as_array().unwrap().clone()
    };
    let with = image(&mut bench, &["tool", "big"], &[base.clone(), tool, big.clone()]);
    let without = image(&mut bench, &["base", "big"], &[base, big]);
    let (with, without) = (layers(&bench, &with), layers(&bench, &without));
    assert_eq!((with.len(), without.len()), (3, 3));
    assert_eq!(with[0], without[0]);
    assert_ne!(with[1], without[1]);
}

#[test]
fn the_winner_of_a_shared_file_is_on_top() {
    let mut bench = Bench::new();
    let big = "x".repeat(300_000);
    let winner =
        pack(&mut bench, "winner", 0, &format!("usr/bin/sh winner\nusr/share/big {big}"), &|params| {
            params["info"]["replaces"] = json!(["loser"]);
        });
    let loser = pack(&mut bench, "loser", 0, "usr/bin/sh loser", &|_| {});
    let output = image(&mut bench, &["loser", "winner"], &[winner, loser]);
    let contents = json(&bench, &output, "contents.json");
    let files = contents["files"].as_array().unwrap();
    let shell = files.iter().find(|file| file["path"] == "usr/bin/sh").unwrap();
    assert_eq!(shell["package"], "winner");
    let folder = tempfile::tempdir().unwrap();
    write(&bench, &output, folder.path());
    let Some(root) = unpacked(folder.path()) else { return };
    assert_eq!(std::fs::read_to_string(root.join("usr/bin/sh")).unwrap(), "winner");
}

/// Runs a program; `None`, and a line that says so, if there is no such program.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(program).args(arguments).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("`{program}` is not installed: not compared with it");
            return None;
        }
        result => result.unwrap(),
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The root that `umoci` unpacks the layout to.
fn unpacked(folder: &Path) -> Option<std::path::PathBuf> {
    let (layout, bundle) = (format!("{}/oci:latest", folder.display()), folder.join("bundle"));
    run("umoci", &["unpack", "--rootless", "--image", &layout, bundle.to_str().unwrap()])?;
    Some(bundle.join("rootfs"))
}

#[test]
fn foreign_programs_read_the_image() {
    let mut bench = Bench::new();
    let samples = base_and_tool(&mut bench);
    let output = image(&mut bench, &["tool"], &samples);
    let folder = tempfile::tempdir().unwrap();
    write(&bench, &output, folder.path());
    let layout = format!("oci:{}/oci:latest", folder.path().display());
    if let Some(inspected) = run("skopeo", &["inspect", &layout]) {
        let inspected: Value = serde_json::from_str(&inspected).unwrap();
        assert_eq!(inspected["Architecture"], "amd64");
        assert_eq!(inspected["Created"], "2026-01-01T00:00:01Z");
        assert_eq!(inspected["Labels"]["made"], "up");
    }
    let Some(root) = unpacked(folder.path()) else { return };
    let contents = json(&bench, &output, "contents.json");
    for file in contents["files"].as_array().unwrap() {
        let place = root.join(file["path"].as_str().unwrap());
        let metadata = std::fs::symlink_metadata(&place).unwrap();
        match file["kind"].as_str().unwrap() {
            "file" => assert_eq!(metadata.len(), file["size"].as_u64().unwrap(), "{file}"),
            "directory" => assert!(metadata.is_dir(), "{file}"),
            _ => {
                let target = std::fs::read_link(&place).unwrap();
                assert_eq!(target.to_str(), file["target"].as_str(), "{file}");
            }
        }
    }
    assert_same_tree(&mut bench, &samples, &root);
}

/// The packer of roots gives what was unpacked, as far as trees can say it.
fn assert_same_tree(bench: &mut Bench, samples: &[Sample], root: &Path) {
    let solution = solved(bench, &["tool"], samples);
    let packages: Vec<Value> =
        samples.iter().map(|sample| json!({"package": sample.package, "record": sample.record})).collect();
    let params =
        json!({"packages": packages, "solution": solution, "arch": "x86_64", "tree": {"$output": "root"}});
    let output = bench.run(NativeKind::Rootfs, &params).unwrap();
    let made = bench.store.capture(root, &wiz_cas::Capture::sources()).unwrap();
    let wiz_base::Node::Directory(tree) = bench.node(&output, "root") else { panic!("no tree") };
    assert_eq!(bench.describe(&made.root), bench.describe(&tree));
}
