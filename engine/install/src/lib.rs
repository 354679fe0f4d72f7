//! What an installed root has beside the packages' own files: apk's database, the
//! declared effects of packages, accounts, and the dynamic loader's cache.
//!
//! Everything is rendered to bytes from values. Unaware of where the root lies, of
//! images and of terminals.

pub mod accounts;
pub mod capabilities;
pub mod database;
pub mod effects;
pub mod loader_cache;
pub mod ownership;
pub mod package;

pub use effects::Effects;
pub use package::Package;
