//! The values everything else is made of: digests, paths, labels, trees,
//! diagnostics, and the canonical Remote Execution API encoding of trees and
//! actions.
//!
//! Every type validates on construction and keeps its fields private, so code
//! further up never meets a malformed path or label. Unaware of files on disk,
//! of time, of Starlark and of what is being built.

pub mod diagnostic;
pub mod digest;
pub mod directory;
pub mod label;
pub mod pattern;
pub mod platform;
pub mod reapi;
pub mod rel_path;
pub mod span;

pub use diagnostic::{Diagnostic, Severity};
pub use digest::{Digest, DigestFunction, Hasher};
pub use directory::{Directory, Node};
pub use label::Label;
pub use pattern::TargetPattern;
pub use platform::{Platform, PlatformName};
pub use rel_path::RelPath;
pub use span::Span;
