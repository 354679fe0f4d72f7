//! Images to and from registries: the OCI distribution protocol, with the credentials that
//! docker and podman keep.
//!
//! A tag is moved last, when everything it names is there and is what it should be. Unaware of
//! targets, of the store, of the terminal and of the environment.
//!
//! Source: OCI distribution specification 1.1.

mod client;
pub mod credentials;
pub mod error;
mod layout;
mod pull;
mod push;
pub mod reference;
pub mod referrers;

pub use client::{Connection, Patience};
pub use credentials::Credentials;
pub use error::RegistryError;
pub use layout::{Layout, LayoutError};
pub use pull::{Pulled, pull, resolve};
pub use push::{Pushed, push};
pub use reference::Reference;
