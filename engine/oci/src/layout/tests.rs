//! Layouts: their files, and what the check finds.

use std::collections::BTreeMap;
use std::io;

use expect_test::{Expect, expect};

use super::*;
use crate::descriptor::Platform;
use crate::image::{Image, ImageLayer, Runtime, encode_index};
use crate::layer::LayerPlan;

type Files = BTreeMap<RelPath, Vec<u8>>;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// An image of one layer that holds one directory, and that layer's bytes.
fn image(architecture: &str, directory: &str) -> (EncodedImage, Vec<u8>) {
    let plan =
        LayerPlan { declared: &BTreeMap::new(), listed: [path(directory)].into(), segments: Vec::new() };
    let (layer, bytes) = plan.write(|_| Ok(io::empty()), Vec::new()).unwrap();
    let image = Image {
        platform: Platform { architecture: architecture.into(), os: "linux".into(), variant: None },
        created: 0,
        runtime: Runtime::default(),
        layers: vec![ImageLayer { layer, created_by: "test".into() }],
        annotations: BTreeMap::new(),
    };
    (image.encode(), bytes)
}

fn files(layout: Vec<LayoutFile>, layers: &[Vec<u8>]) -> Files {
    let layers: BTreeMap<_, _> = layers.iter().map(|bytes| (Sha256Digest::of(bytes), bytes)).collect();
    let content = |content| match content {
        Content::Bytes(bytes) => bytes,
        Content::Blob(blob) => layers[&blob.digest].clone(),
    };
    layout.into_iter().map(|file| (file.path, content(file.content))).collect()
}

fn check_files(files: &Files) -> Result<LayoutReport, CheckError> {
    check(|path| files.get(path).map(Vec::as_slice).ok_or_else(|| io::ErrorKind::NotFound.into()))
}

#[test]
fn a_layout_of_one_image_has_these_files() {
    let (image, layer) = image("amd64", "etc");
    let files = files(image_layout(&image), &[layer]);
    let names: Vec<String> = files.iter().map(|(path, bytes)| format!("{path} {}", bytes.len())).collect();
    expect![[r#"
        blobs/sha256/427fd3d89255d7ec596fd6c3a8100cccdce6d9fd70fa0125a77f09b8340433a7 263
        blobs/sha256/895526f1794456011af7f032d48a4e790c8e68fce5fb530b68338a556b7bf4a3 400
        blobs/sha256/d65b352c51f55f31ea27db9533eaa26869a97deb362936dff204a86d4b64fc02 87
        index.json 350
        oci-layout 30"#]]
    .assert_eq(&names.join("\n"));
    expect![[r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:895526f1794456011af7f032d48a4e790c8e68fce5fb530b68338a556b7bf4a3","size":400,"platform":{"architecture":"amd64","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}"#]].assert_eq(&String::from_utf8(files[&path(INDEX)].clone()).unwrap());
    expect![[r#"{"imageLayoutVersion":"1.0.0"}"#]]
        .assert_eq(&String::from_utf8(files[&path(MARKER)].clone()).unwrap());
    let report = check_files(&files).unwrap();
    assert_eq!(report.blobs.len(), 3);
    assert_eq!(report.manifests[0].digest, image.manifest.descriptor.digest);
}

#[test]
fn a_layout_of_an_index_holds_all_its_images() {
    let (first, first_layer) = image("amd64", "etc");
    let (second, second_layer) = image("arm64", "srv");
    let images = [first, second];
    let index = encode_index(&images, BTreeMap::new());
    let files = files(index_layout(&index, &images), &[first_layer, second_layer]);
    let report = check_files(&files).unwrap();
    let platforms = report.manifests.iter().map(|it| it.platform.clone().unwrap().architecture);
    assert_eq!(platforms.collect::<Vec<_>>(), ["amd64", "arm64"]);
    assert_eq!(report.blobs.len(), files.len() - 2);
}

/// What the check says of a good layout after `damage`, digests left out.
fn damaged(damage: impl Fn(&mut Files, &EncodedImage), expected: Expect) {
    let (image, layer) = image("amd64", "etc");
    let mut files = files(image_layout(&image), &[layer]);
    damage(&mut files, &image);
    let message = check_files(&files).unwrap_err().to_string();
    let shorten = |word: &str| match word.rsplit_once(['/', ':']) {
        Some((start, digest)) if digest.len() > 60 => format!("{start}/…"),
        _ => word.to_owned(),
    };
    expected.assert_eq(&message.split(' ').map(shorten).collect::<Vec<_>>().join(" "));
}

/// Puts `bytes` where the layout keeps a blob of that digest.
fn store(files: &mut Files, blob: &Blob) {
    files.insert(blob_path(&blob.descriptor.digest), blob.bytes.clone());
}

#[test]
fn damage_is_found() {
    damaged(|files, _| drop(files.remove(&path(INDEX))), expect!["cannot read `index.json`"]);
    damaged(
        |files, _| drop(files.insert(path(MARKER), br#"{"imageLayoutVersion":"2"}"#.to_vec())),
        expect!["layout version is `2`, not `1.0.0`"],
    );
    damaged(
        |files, _| drop(files.insert(path(INDEX), b"{}".to_vec())),
        expect!["`index.json` is not the document it should be"],
    );
    damaged(
        |files, image| drop(files.remove(&blob_path(&image.layers[0].digest))),
        expect!["cannot read `blobs/sha256/…"],
    );
    damaged(
        |files, image| files.get_mut(&blob_path(&image.layers[0].digest)).unwrap()[20] ^= 1,
        expect!["`blobs/sha256/… holds other bytes: they are `sha256/…"],
    );
    damaged(
        |files, image| files.get_mut(&blob_path(&image.config.descriptor.digest)).unwrap().push(b' '),
        expect!["`blobs/sha256/… does not have the 263 bytes its descriptor states"],
    );
}

/// Names `manifest` in the index instead of what is there.
fn point_at(files: &mut Files, manifest: &Blob) {
    let index = ImageIndex::new(vec![manifest.descriptor.clone()], BTreeMap::new());
    files.insert(path(INDEX), serde_json::to_vec(&index).unwrap());
    store(files, manifest);
}

#[test]
fn documents_that_disagree_are_found() {
    let (other, _) = image("amd64", "srv");
    let mix = |files: &mut Files, config: &EncodedImage, layers: &[Descriptor]| {
        store(files, &config.config);
        let document = crate::image::manifest::Manifest::new(
            config.config.descriptor.clone(),
            layers.to_vec(),
            BTreeMap::new(),
        );
        point_at(files, &Blob::json(media_type::IMAGE_MANIFEST, &document));
    };
    damaged(
        |files, image| mix(files, &other, &image.layers),
        expect!["layer `sha256/… unpacks to `sha256/… the configuration says `sha256/…"],
    );
    damaged(
        |files, image| mix(files, image, &[]),
        expect!["manifest `sha256/… has 0 layers, its configuration 1 and its history 1"],
    );
    damaged(
        |files, _| point_at(files, &Blob::json("text/plain", &"text")),
        expect!["`sha256/… is of type `text/plain`, which cannot be checked"],
    );
    let zstd = |layer: &Descriptor| Descriptor { media_type: media_type::LAYER_ZSTD.into(), ..layer.clone() };
    damaged(
        |files, image| mix(files, image, &[zstd(&image.layers[0])]),
        expect![
            "`sha256/… is of type `application/vnd.oci.image.layer.v1.tar+zstd`, which cannot be checked"
        ],
    );
}
