//! Media types of the blobs of an image. Unaware of what is in them.
//!
//! Source: OCI image specification 1.1, media-types.md.

/// An image manifest.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An index of manifests, one for each platform.
pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image configuration.
pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer: a tar archive compressed by gzip.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer: a tar archive compressed by zstd.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// A layer: a tar archive as it is.
pub const LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
