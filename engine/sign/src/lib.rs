//! Statements that somebody vouches for: in-toto statements in DSSE envelopes in Sigstore
//! bundles, signed with ECDSA P-256 keys.
//!
//! Keyless signing, transparency logs and timestamps are not here: a bundle of wiz says who
//! holds the key, not when it was used. Unaware of files, of targets and of the terminal.

pub mod bundle;
pub mod dsse;
pub mod key;
pub mod statement;

pub use bundle::{Bundle, BundleError};
pub use dsse::{Envelope, EnvelopeError};
pub use key::{KeyError, PrivateKey, PublicKey};
pub use statement::{RunDetails, Statement, StatementError};
