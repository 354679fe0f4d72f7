//! What an index of a million entries costs: time until it is open, memory, one read.
//! A process of its own opens it, as a collection of the cache does. Prints figures.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use wiz_base::{Digest, DigestFunction};
use wiz_cas::{Index, IndexRecord, SledIndex};

const ENTRIES: u64 = 1_000_000;
/// Every so many entries, one is read, in no order.
const STRIDE: u64 = 9_973;
const READS: u64 = 100_000;

fn main() {
    // Cargo gives every benchmark `--bench`.
    if let Some(folder) = env::args().skip(1).find(|argument| !argument.starts_with("--")) {
        return open_and_read(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("{ENTRIES} entries put in in {:.1} s", fill(folder.path()).as_secs_f64());
    println!("{} MiB on disk", bytes_below(folder.path()) >> 20);
    let program = env::current_exe().expect("this program's path");
    let opened = Command::new(program).arg(folder.path()).status().expect("a second process");
    assert!(opened.success(), "the second process ended with {opened}");
}

fn fill(folder: &Path) -> Duration {
    let started = Instant::now();
    let mut index = SledIndex::open(folder).expect("an index");
    for number in 0..ENTRIES {
        index.put(&key(number), &record(number)).expect("a record is taken");
    }
    index.flush().expect("a durable index");
    started.elapsed()
}

fn open_and_read(folder: &Path) {
    let started = Instant::now();
    let index = SledIndex::open(folder).expect("the index opens");
    println!("opened in {:.1} ms", milliseconds(started.elapsed()));
    println!("{} MiB after opening", resident() >> 20);
    let started = Instant::now();
    for read in 0..READS {
        let number = read * STRIDE % ENTRIES;
        assert_eq!(index.get(&key(number)).expect("a sound index"), Some(record(number)));
    }
    println!("read in {:.1} us", milliseconds(started.elapsed()) * 1000.0 / READS as f64);
    println!("{} MiB resident", resident() >> 20);
}

fn key(number: u64) -> Digest {
    DigestFunction::Blake3.digest(&number.to_le_bytes())
}

fn record(number: u64) -> IndexRecord {
    IndexRecord { used: number, bytes: number * 1000, note: format!("//pkgs/p{}:dev compile", number % 1000) }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Bytes of this process in memory, as the kernel counts them.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            metadata => metadata.map_or(0, |metadata| metadata.len()),
        })
        .sum()
}
