//! The arguments of the commands that ask what is known of images and packages.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::BuildOptions;

/// `wiz sbom`.
#[derive(Debug, Args)]
pub(crate) struct Sbom {
    /// The image.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// The form of the document.
    #[arg(long, value_enum, default_value_t = SbomFormat::Spdx2, value_name = "FORMAT")]
    pub(crate) format: SbomFormat,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// The form of a bill of materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SbomFormat {
    /// SPDX 2.3 as JSON.
    #[value(name = "spdx-2.3")]
    Spdx2,
    /// SPDX 3.0.1 as JSON-LD.
    #[value(name = "spdx-3.0")]
    Spdx3,
    /// CycloneDX 1.6 as JSON.
    #[value(name = "cyclonedx")]
    CycloneDx,
}

impl SbomFormat {
    /// The name that rules give documents of this form.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Spdx2 => "spdx-2.3",
            Self::Spdx3 => "spdx-3.0",
            Self::CycloneDx => "cyclonedx",
        }
    }
}

/// Who vouches for a build unless somebody is named.
pub(crate) const LOCAL_BUILDER: &str = "urn:x-wiz:builder:local";

/// `wiz sign`.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The image or package.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// The private ECDSA P-256 key, in PEM; the password of an encrypted one is $WIZ_KEY_PASSWORD.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// The URI of who vouches for the build.
    #[arg(long, value_name = "URI", default_value = LOCAL_BUILDER)]
    pub(crate) builder: String,

    /// Where the bundle goes [default: TARGET.sigstore.json].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// `wiz verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A file, the folder of an OCI layout, a label, or an image in a registry.
    #[arg(value_name = "FILE|LABEL|REFERENCE")]
    pub(crate) subject: String,

    /// The bundle that says what it was made from [default: those beside the image in its
    /// registry].
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,

    /// Speak to the registry unencrypted; registries on this machine are spoken to so anyway.
    #[arg(long)]
    pub(crate) plain_http: bool,

    /// The public key that has to have signed it, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// Who has to have run the build.
    #[arg(long, value_name = "URI")]
    pub(crate) builder: Option<String>,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// `wiz licenses`.
#[derive(Debug, Args)]
pub(crate) struct Licenses {
    /// The image or package.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// `wiz audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Labels and patterns of images and packages, or one file: a bill of materials (CycloneDX, or
    /// SPDX 2.3, as JSON) or apk's installed database; or one image: the folder of an OCI layout, or
    /// a reference.
    #[arg(required = true, value_name = "LABEL|FILE|REFERENCE")]
    pub(crate) subjects: Vec<String>,

    /// Advisories: an OSV, secdb or Wolfi document, a folder of them, or a zipped one; may be
    /// repeated. None is ever downloaded.
    #[arg(long, required = true, value_name = "PATH")]
    pub(crate) feed: Vec<PathBuf>,

    /// Statements in OpenVEX that overrule the feeds, the last first; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) vex: Vec<PathBuf>,

    /// Fail if something is as bad as this or worse; what nobody has judged counts as medium.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) fail_on: Option<FailOn>,

    /// The form of the report.
    #[arg(long, value_enum, default_value_t = AuditFormat::Table, value_name = "FORMAT")]
    pub(crate) format: AuditFormat,

    /// Show what is fixed and what never was in the packages too.
    #[arg(long)]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditFormat {
    /// Lines for people.
    Table,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, which code hosts show.
    Sarif,
    /// OpenVEX 0.2.0, which scanners take.
    #[value(name = "openvex")]
    OpenVex,
}

/// From which level on to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Whatever is affected.
    Low,
    /// CVSS 4.0 and above.
    Medium,
    /// CVSS 7.0 and above.
    High,
    /// CVSS 9.0 and above.
    Critical,
}

/// `wiz advisories`.
#[derive(Debug, Args)]
pub(crate) struct Advisories {
    /// Labels and patterns of packages and images.
    #[arg(required = true, value_name = "LABEL")]
    pub(crate) labels: Vec<String>,

    /// The form of the document.
    #[arg(long, value_enum, default_value_t = AdvisoryFormat::OpenVex, value_name = "FORMAT")]
    pub(crate) format: AdvisoryFormat,

    /// Of OSV: write a file for each vulnerability to this folder instead of one list.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// The form of advisories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdvisoryFormat {
    /// OpenVEX 0.2.0: statements on the present versions.
    #[value(name = "openvex")]
    OpenVex,
    /// The JSON of Alpine's security database: which version fixed what.
    Secdb,
    /// OSV 1.7: a document for each vulnerability.
    Osv,
}
