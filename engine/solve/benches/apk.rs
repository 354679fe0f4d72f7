//! How long apk's work on a real index takes: `cargo bench -p wiz-solve`.
//!
//! The index is that of the reference data, 5,004 packages; without it nothing is
//! measured, and that is said.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use wiz_apk::Record;
use wiz_apk::index::archive::IndexArchive;
use wiz_solve::{Pool, Source, TagId, Transaction, Wish, choose};

/// Runs of each measurement, the fastest of which counts: its time on the processor,
/// which other work on the machine does not lengthen.
const RUNS: usize = 20;

fn main() {
    let file = wiz_testkit::reference_data::folder()
        .expect("the benchmark reads the reference data")
        .join("apk/fixtures/alpine-317--APKINDEX.tar.gz");
    let Ok(bytes) = std::fs::read(&file) else {
        println!("not measured: no reference file `{}`", file.display());
        return;
    };
    let archive = measure("index unpacked", || IndexArchive::read(bytes.as_slice()).unwrap());
    let records = measure("index parsed", || archive.records().unwrap());
    println!("{:36} {:>8}", "packages", records.len());
    let mut pool = measure("pool filled", || pool(&records));
    for wishes in ["busybox", "nginx postgresql15 python3", "gcc cmake git openssh"] {
        let world = wishes
            .split(' ')
            .map(|name| Wish {
                name: pool.intern(&name.parse().unwrap()),
                dependency: name.parse().unwrap(),
                tag: TagId::DEFAULT,
            })
            .collect();
        let transaction = Transaction::new(&pool, world);
        let outcome = measure(&format!("solved: {wishes}"), || choose(&pool, &transaction));
        assert_eq!(outcome.errors, 0, "{wishes}");
        println!("{:36} {:>8}", "  packages chosen", outcome.changes.len());
    }
}

fn pool(records: &[Record]) -> Pool {
    let mut pool = Pool::new(vec!["x86_64".to_owned(), "aarch64".to_owned()]);
    pool.assign(0, TagId::DEFAULT);
    pool.set_reachable(0);
    for record in records {
        pool.add(record.clone(), Source::Repository(0)).unwrap();
    }
    pool
}

fn measure<T>(what: &str, mut run: impl FnMut() -> T) -> T {
    let mut fastest = f64::INFINITY;
    let mut result = run();
    for _ in 0..RUNS {
        let started = processor_time();
        result = run();
        fastest = fastest.min(processor_time() - started);
    }
    println!("{what:36} {fastest:>8.1} ms");
    result
}

/// Milliseconds that this thread has been on a processor.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}
