//! Digests and names of blobs as the protocol spells them.

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use reapi::digest_function::Value as FunctionValue;
use wiz_base::{Digest, DigestFunction};

use crate::compression::Compressor;

/// A digest as a message.
pub(crate) fn digest(digest: &Digest) -> reapi::Digest {
    reapi::Digest { hash: digest.hex(), size_bytes: i64::try_from(digest.size()).unwrap_or(i64::MAX) }
}

/// The digest that a message spells; `None` if it spells none.
pub(crate) fn read_digest(message: &reapi::Digest) -> Option<Digest> {
    let size = u64::try_from(message.size_bytes).ok()?;
    Digest::from_hex(&message.hash, size).ok()
}

/// The number of a digest function.
pub(crate) const fn function(function: DigestFunction) -> i32 {
    match function {
        DigestFunction::Blake3 => FunctionValue::Blake3 as i32,
        DigestFunction::Sha256 => FunctionValue::Sha256 as i32,
    }
}

/// The digest function of a request. Clients that do not say digest with SHA-256, which is the
/// one of this length that need not be named.
pub(crate) fn read_function(number: i32) -> Option<DigestFunction> {
    match FunctionValue::try_from(number).ok()? {
        FunctionValue::Blake3 => Some(DigestFunction::Blake3),
        FunctionValue::Sha256 | FunctionValue::Unknown => Some(DigestFunction::Sha256),
        _ => None,
    }
}

/// The name of a blob for a byte stream: `[INSTANCE/]blobs/[blake3/]HASH/SIZE`, or
/// `[INSTANCE/]compressed-blobs/zstd/[blake3/]HASH/SIZE`.
pub(crate) fn blob_name(
    instance: &str,
    function: DigestFunction,
    digest: &Digest,
    compressor: Compressor,
) -> String {
    let slash = if instance.is_empty() { "" } else { "/" };
    let function = match function {
        DigestFunction::Blake3 => "blake3/",
        DigestFunction::Sha256 => "",
    };
    let blobs = match compressor {
        Compressor::Identity => "blobs",
        Compressor::Zstd => "compressed-blobs/zstd",
    };
    format!("{instance}{slash}{blobs}/{function}{}/{}", digest.hex(), digest.size())
}

/// The name under which a blob is written: `[INSTANCE/]uploads/UUID/blobs/...`.
pub(crate) fn upload_name(
    instance: &str,
    function: DigestFunction,
    digest: &Digest,
    compressor: Compressor,
    uuid: &str,
) -> String {
    let slash = if instance.is_empty() { "" } else { "/" };
    format!("{instance}{slash}uploads/{uuid}/{}", blob_name("", function, digest, compressor))
}

/// The function, digest and form that a blob's name, read or written under, spells.
pub(crate) fn read_name(name: &str) -> Option<(DigestFunction, Digest, Compressor)> {
    // An instance's name may have any segments, even `blobs`; what follows is fixed.
    let segments: Vec<&str> = name.split('/').collect();
    let blobs = segments.iter().rposition(|segment| *segment == "blobs" || *segment == "compressed-blobs")?;
    let (compressor, rest) = match (segments[blobs], &segments[blobs + 1..]) {
        ("compressed-blobs", ["zstd", rest @ ..]) => (Compressor::Zstd, rest),
        ("compressed-blobs", ["identity", rest @ ..]) | ("blobs", rest) => (Compressor::Identity, rest),
        _ => return None,
    };
    let (function, rest) = match rest {
        ["blake3", rest @ ..] => (DigestFunction::Blake3, rest),
        rest => (DigestFunction::Sha256, rest),
    };
    // What follows the size of an upload is the client's remark.
    let [hash, size, ..] = rest else { return None };
    Some((function, Digest::from_hex(hash, size.parse().ok()?).ok()?, compressor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for function in [DigestFunction::Blake3, DigestFunction::Sha256] {
            let digest = function.digest(b"abc");
            for instance in ["", "main", "a/blobs/b"] {
                for compressor in [Compressor::Identity, Compressor::Zstd] {
                    let upload = upload_name(instance, function, &digest, compressor, "some-uuid");
                    let remark = format!("{upload}/remark.txt");
                    for name in [blob_name(instance, function, &digest, compressor), upload, remark] {
                        assert_eq!(read_name(&name), Some((function, digest, compressor)), "{name}");
                    }
                }
            }
        }
        for name in
            ["", "blobs", "blobs/ab/1", "blobs/blake3/x", "uploads/u/blobs", "compressed-blobs/br/a/1"]
        {
            assert_eq!(read_name(name), None, "{name}");
        }
    }
}
