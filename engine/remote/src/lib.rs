//! The Remote Execution API, version 2: a client of any cache that speaks it, and a cache
//! server over the same store that builds use.
//!
//! Whatever a server answers is checked: a broken, slow or lying one costs time, never a
//! wrong build. Unaware of what the actions are, of the terminal and of the environment.

pub mod access;
mod client;
mod compression;
pub mod doctor;
pub mod endpoint;
pub mod error;
mod health;
mod pull;
mod push;
pub mod remote_cache;
mod results;
pub mod server;
mod travelling;
pub mod trust;
mod wire;

pub use access::{Access, Credential, Pem};
pub use endpoint::Endpoint;
pub use error::RemoteError;
pub use remote_cache::{Publication, RemoteCache, Traffic};
pub use server::{Addresses, Guard, Role, Served, Tls, Tokens, serve};
pub use trust::{ResultKey, Trust, TrustedKey};
