//! The arguments of `wiz sbom` and `wiz licenses`.

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
