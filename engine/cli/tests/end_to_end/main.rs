//! End to end: the built `wiz` on small workspaces of its own, with a cache of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod bad_actions;
mod bad_definitions;
mod bad_sources;
mod bad_surroundings;
mod builds;
mod cache;
mod contents;
mod damaged_cache;
mod delivery;
mod evidence;
mod fixture;
mod incremental;
mod interrupted;
mod lock;
mod new;
mod ordinary_user;
mod policy;
mod profile;
mod query;
mod random_edits;
mod random_faults;
mod rebuild;
mod remote_access;
mod remote_cache;
mod remote_trust;
mod repositories;
mod side_by_side;
mod sign;
mod why;
