//! Repositories on a disk: signed, published, checked, and cut off in between. The
//! packages are small and made here; signatures are held against openssl.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod check;
mod keys;
mod kill;
mod openssl;
mod publish;
mod signed;
