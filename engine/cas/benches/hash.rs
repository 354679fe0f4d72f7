//! How fast a file of the workspace is hashed: `cargo bench -p wiz-cas --bench hash -- FILE`,
//! or a file of its own. The file is in the page cache. Prints a figure; judges nothing.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wiz_base::{DigestFunction, RelPath};
use wiz_cas::SourceDigests;

const ROUNDS: u32 = 5;

fn main() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    // Cargo gives every benchmark `--bench`.
    let given = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let file = given.map_or_else(|| large_file(scratch.path()), PathBuf::from);
    let mebibytes = fs::metadata(&file).expect("a file").len() as f64 / f64::from(1 << 20);
    hash(scratch.path(), &file);
    let best = (0..ROUNDS).map(|_| hash(scratch.path(), &file)).min().expect("there are rounds");
    println!("{:.0} MiB/s hashed, best of {ROUNDS}", mebibytes / best.as_secs_f64());
}

fn large_file(folder: &Path) -> PathBuf {
    let path = folder.join("large");
    fs::write(&path, vec![0x5a; 512 << 20]).expect("a large file");
    path
}

/// Nothing is remembered from one call to the next.
fn hash(scratch: &Path, file: &Path) -> Duration {
    let folder = file.parent().expect("a file is in a folder");
    let name = file.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
    let name = RelPath::new(name).expect("a name is a path");
    let started = Instant::now();
    let digests = SourceDigests::load(&scratch.join("digests"), DigestFunction::Blake3);
    digests.get(folder, &name).expect("a readable file");
    started.elapsed()
}
