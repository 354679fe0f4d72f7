//! The built `apk`, run on roots of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "a test that cannot run says so")]

mod cases;
mod foreign;
mod kills;
mod reference_data;
mod repository;
mod roots;
mod scratch;
mod servers;
