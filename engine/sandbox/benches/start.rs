//! What a sandbox costs: milliseconds for each run of a program that does nothing,
//! scratch folder made and removed included, in a process of 200 MiB. Removal goes on
//! beside the runs, as in a build, and has ended when the clock is stopped.
#![expect(clippy::print_stdout, reason = "the figures are the result")]

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wiz_base::RelPath;
use wiz_sandbox::{CancelToken, Ending, Limits, Remover, Spec, remove_tree, run};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Runs measured in each case, on all threads together.
const RUNS: usize = 400;

fn main() -> Outcome<()> {
    let home = TempDir::new()?;
    make_layers(home.path())?;
    let memory = vec![1u8; 200 << 20];
    for (layers, threads, limits) in [
        (1, 1, Limits::default()),
        (1, 2, Limits::default()),
        (4, 1, Limits::default()),
        (4, 2, Limits::default()),
        (4, 2, Limits { wall: Some(Duration::from_secs(600)), ..Limits::default() }),
        (4, 2, Limits { memory_bytes: Some(1 << 32), ..Limits::default() }),
        (4, 2, Limits { processes: Some(4096), ..Limits::default() }),
    ] {
        let bounds = describe(limits);
        let started = Instant::now();
        measure(home.path(), layers, threads, limits)?;
        let each = started.elapsed().as_secs_f64() * 1000.0 / RUNS as f64;
        println!(
            "{layers} layers, {threads} threads, {bounds}: {each:.2} ms a run, {:.0} runs a second",
            1000.0 / each
        );
    }
    std::hint::black_box(memory);
    remove_tree(home.path())?;
    Ok(())
}

fn describe(limits: Limits) -> &'static str {
    match limits {
        Limits { wall: Some(_), .. } => "time bounded",
        Limits { memory_bytes: Some(_), .. } => "memory bounded",
        Limits { processes: Some(_), .. } => "processes bounded",
        _ => "unbounded",
    }
}

/// Four layers, the first with a static program that ends at once.
fn make_layers(home: &Path) -> Outcome<()> {
    for layer in 0..4 {
        fs::create_dir_all(home.join(format!("layers/{layer}/bin")))?;
        fs::write(home.join(format!("layers/{layer}/file-{layer}")), "")?;
    }
    let mut compiler = Command::new("cc")
        .args(["-static", "-O1", "-x", "c", "-", "-o"])
        .arg(home.join("layers/0/bin/true"))
        .stdin(Stdio::piped())
        .spawn()?;
    compiler.stdin.take().ok_or("no pipe")?.write_all(b"int main(void) { return 0; }")?;
    if compiler.wait()?.success() { Ok(()) } else { Err("the compiler failed".into()) }
}

fn measure(home: &Path, layers: usize, threads: usize, limits: Limits) -> Outcome<()> {
    let remover = Remover::new(8)?;
    let removed = &remover;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || run_often(home, layers, thread, RUNS / threads, limits, removed))
            })
            .collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })?;
    remover.finish().into_iter().next().map_or(Ok(()), |failure| Err(failure.into()))
}

fn run_often(
    home: &Path,
    layers: usize,
    thread: usize,
    runs: usize,
    limits: Limits,
    remover: &Remover,
) -> Outcome<()> {
    let cancel = CancelToken::new()?;
    let log = File::create(home.join(format!("log-{thread}")))?;
    for number in 0..runs {
        let scratch = home.join(format!("scratch-{thread}-{number}"));
        fs::create_dir(&scratch)?;
        let layers = (0..layers).map(|layer| RelPath::new(&layer.to_string())).collect::<Result<_, _>>()?;
        let spec = Spec {
            layers_dir: home.join("layers"),
            layers,
            scratch: scratch.clone(),
            source: None,
            binds: Vec::new(),
            argv: vec!["/bin/true".into()],
            env: Vec::new(),
            working_directory: RelPath::new("build")?,
            limits,
            user: wiz_sandbox::BUILD_USER,
            inherited: Vec::new(),
        };
        let finished = run(&spec, &log, &cancel)?;
        if finished.ending != Ending::Exited(0) {
            return Err(format!("{:?}", finished.ending).into());
        }
        remover.remove(scratch);
    }
    Ok(())
}
