//! Documents: golden bytes, and that they read back.

use expect_test::expect;

use super::*;
use crate::digest::Sha256Digest;

fn layer(content: &str, created_by: &str) -> ImageLayer {
    ImageLayer {
        layer: LayerInfo {
            media_type: media_type::LAYER_GZIP.to_owned(),
            digest: Sha256Digest::of(content.as_bytes()),
            size: content.len() as u64,
            diff_id: Sha256Digest::of(&[]),
        },
        created_by: created_by.to_owned(),
    }
}

fn image() -> Image {
    let text = |text: &str| Some(text.to_owned());
    let strings = |list: &[&str]| list.iter().copied().map(str::to_owned).collect::<Vec<_>>();
    let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    Image {
        platform: Platform { architecture: "amd64".into(), os: "linux".into(), variant: None },
        created: 946_684_800,
        runtime: Runtime {
            user: text("65532:65532"),
            environment: map("PATH", "/usr/bin"),
            entrypoint: strings(&["/usr/bin/server"]),
            command: strings(&["--listen", "\"all\""]),
            working_directory: text("/srv"),
            ports: ["8080/tcp".to_owned(), "53/udp".to_owned()].into(),
            volumes: ["/data".to_owned()].into(),
            labels: map("team", "größe"),
            stop_signal: text("SIGQUIT"),
        },
        layers: vec![layer("low", "wiz: glibc"), layer("upper", "wiz: installed database")],
        annotations: map("org.opencontainers.image.title", "base"),
    }
}

#[test]
fn documents_are_these_bytes() {
    let encoded = image().encode();
    let show = |blob: &Blob| String::from_utf8(blob.bytes.clone()).unwrap().replace(",\"", ",\n\"");
    expect![[r#"
        {"created":"2000-01-01T00:00:00Z",
        "architecture":"amd64",
        "os":"linux",
        "config":{"User":"65532:65532",
        "ExposedPorts":{"53/udp":{},
        "8080/tcp":{}},
        "Env":["PATH=/usr/bin"],
        "Entrypoint":["/usr/bin/server"],
        "Cmd":["--listen",
        "\"all\""],
        "Volumes":{"/data":{}},
        "WorkingDir":"/srv",
        "Labels":{"team":"größe"},
        "StopSignal":"SIGQUIT"},
        "rootfs":{"type":"layers",
        "diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]},
        "history":[{"created":"2000-01-01T00:00:00Z",
        "created_by":"wiz: glibc"},{"created":"2000-01-01T00:00:00Z",
        "created_by":"wiz: installed database"}]}"#]]
    .assert_eq(&show(&encoded.config));
    expect![[r#"
        {"schemaVersion":2,
        "mediaType":"application/vnd.oci.image.manifest.v1+json",
        "config":{"mediaType":"application/vnd.oci.image.config.v1+json",
        "digest":"sha256:f342eef42f022f74db1b9c9d75f7c6c31a86d88d5d7774f0d4b6270c8c22a485",
        "size":660},
        "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",
        "digest":"sha256:6c1ff09db3a73dc4a854f695d20d174a848d55f2d743bab2ee1f8fc75be454f3",
        "size":3},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",
        "digest":"sha256:aee610558292023758a4229ddcf75f167c9904313a83cf795232ed7f7e2131c9",
        "size":5}],
        "annotations":{"org.opencontainers.image.title":"base"}}"#]]
    .assert_eq(&show(&encoded.manifest));
    expect![[r#"
        {"schemaVersion":2,
        "mediaType":"application/vnd.oci.image.index.v1+json",
        "manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "digest":"sha256:ffdf64e22b3ed7f5caf1e57ac2a6f9c52d67917d82e05a8c9259b3eacdc63d3e",
        "size":607,
        "platform":{"architecture":"amd64",
        "os":"linux"}}]}"#]]
    .assert_eq(&show(&encode_index(&[encoded], BTreeMap::new())));
}

#[test]
fn fields_left_to_the_runtime_are_absent() {
    let bare =
        Image { runtime: Runtime::default(), layers: Vec::new(), annotations: BTreeMap::new(), ..image() };
    let encoded = bare.encode();
    expect![[r#"{"created":"2000-01-01T00:00:00Z","architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#]].assert_eq(&String::from_utf8(encoded.config.bytes).unwrap());
}

#[test]
fn documents_read_back() {
    let image = image();
    let encoded = image.encode();
    let config: ImageConfig = serde_json::from_slice(&encoded.config.bytes).unwrap();
    assert_eq!(config, image.config());
    let manifest: Manifest = serde_json::from_slice(&encoded.manifest.bytes).unwrap();
    assert_eq!(manifest.layers, encoded.layers);
    assert_eq!(manifest.config, encoded.config.descriptor);
}
