//! What an installed root has beside the packages' own files: apk's database, the
//! declared effects of packages, accounts, and the dynamic loader's cache; and how
//! packages come into a root that is there and leave it.
//!
//! What an image needs is rendered to bytes from values. Unaware of images, of where
//! packages come from, and of terminals.

pub mod accounts;
pub mod apply;
pub mod capabilities;
pub mod database;
pub mod effects;
pub mod installer;
mod journal;
pub mod loader_cache;
pub mod ownership;
pub mod package;
pub mod protected;
pub mod repair;
pub mod root;
pub mod state;

pub use effects::Effects;
pub use package::Package;
