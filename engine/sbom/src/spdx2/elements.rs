//! Components and files as SPDX packages and files. Unaware of relationships.

use sha1::{Digest as _, Sha1};

use super::NO_ASSERTION;
use super::wire::{Checksum, ExternalRef, SpdxFile, SpdxPackage, VerificationCode};
use crate::component::{Component, FileRecord, Purpose};

pub(super) fn package(identifier: &str, component: &Component) -> SpdxPackage {
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| NO_ASSERTION.to_owned());
    let licence = component.licence.as_ref().map(ToString::to_string);
    SpdxPackage {
        spdxid: identifier.to_owned(),
        name: component.name.clone(),
        version_info: component.version.clone(),
        supplier: or_unknown(component.supplier.as_ref().map(ToString::to_string)),
        download_location: or_unknown(component.downloads().next().cloned()),
        files_analyzed: !component.files.is_empty(),
        package_verification_code: verification_code(&component.files),
        checksums: checksums(component.sha1.as_ref(), component.sha256.as_ref()),
        homepage: component.homepage.clone(),
        source_info: source_info(component),
        license_concluded: NO_ASSERTION.to_owned(),
        license_declared: or_unknown(licence),
        copyright_text: NO_ASSERTION,
        summary: component.summary.clone(),
        comment: component.note.clone(),
        external_refs: external_references(component),
        primary_package_purpose: purpose(component.purpose),
    }
}

pub(super) fn file(identifier: String, record: &FileRecord) -> SpdxFile {
    SpdxFile {
        spdxid: identifier,
        file_name: format!("./{}", record.path),
        checksums: checksums(Some(&record.digests.sha1), Some(&record.digests.sha256)),
        license_concluded: NO_ASSERTION,
        copyright_text: NO_ASSERTION,
    }
}

/// The origin and the places besides the first, for which there is no field.
fn source_info(component: &Component) -> Option<String> {
    let origin = component.origin.iter().map(|origin| format!("built from origin {origin}"));
    let first = component.downloads().next();
    let others = component.locations.iter().filter(|location| Some(*location) != first);
    let others = others.map(|location| format!("also available as {location}"));
    let remarks: Vec<String> = origin.chain(others).collect();
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

/// SPDX 2.3, section 7.9: SHA-1 of the files' SHA-1 in hexadecimal, sorted and
/// joined. There is none without files.
fn verification_code(files: &[FileRecord]) -> Option<VerificationCode> {
    let mut digests: Vec<String> = files.iter().map(|file| hex::encode(file.digests.sha1)).collect();
    digests.sort_unstable();
    let code = || hex::encode(Sha1::digest(digests.concat()));
    (!files.is_empty()).then(|| VerificationCode { package_verification_code_value: code() })
}

fn checksums<const A: usize, const B: usize>(
    sha1: Option<&[u8; A]>,
    sha256: Option<&[u8; B]>,
) -> Vec<Checksum> {
    let sha1 = sha1.map(|hash| Checksum { algorithm: "SHA1", checksum_value: hex::encode(hash) });
    let sha256 = sha256.map(|hash| Checksum { algorithm: "SHA256", checksum_value: hex::encode(hash) });
    sha1.into_iter().chain(sha256).collect()
}

/// SPDX 2.3, annex F.
fn external_references(component: &Component) -> Vec<ExternalRef> {
    let purl = component.purl.iter().map(|purl| ("PACKAGE-MANAGER", "purl", purl.to_string()));
    let cpe = component.cpe.iter().map(|cpe| ("SECURITY", "cpe23Type", cpe.to_string()));
    let reference = |(reference_category, reference_type, reference_locator)| ExternalRef {
        reference_category,
        reference_type,
        reference_locator,
    };
    purl.chain(cpe).map(reference).collect()
}

/// SPDX 2.3, section 7.24. A package may be a library or an application or
/// neither, and nothing in it says which.
fn purpose(purpose: Purpose) -> Option<&'static str> {
    match purpose {
        Purpose::Image => Some("CONTAINER"),
        Purpose::Package => None,
        Purpose::Source => Some("SOURCE"),
        Purpose::Patch => Some("FILE"),
        Purpose::Tool => Some("APPLICATION"),
    }
}
