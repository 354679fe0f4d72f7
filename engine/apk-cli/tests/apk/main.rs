//! The built `apk`, run on roots of its own.

mod cases;
mod foreign;
mod kills;
mod reference_data;
mod repository;
mod roots;
mod scratch;
mod servers;
