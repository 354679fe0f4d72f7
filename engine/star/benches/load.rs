//! Loads and analyses a generated workspace of 10,000 targets in 100 files from nothing;
//! the budget is 1 s on two cores and 4 KiB resident a target.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use wiz_base::{Platform, PlatformName, RelPath, TargetPattern};
use wiz_star::{Analysis, DirEntry, EntryKind, Sources, analyze, load_workspace};

const FOLDERS: usize = 100;
const EACH: usize = 100;
const ROUNDS: usize = 5;

const RULES: &str = r#"
Info = provider(fields = {"out": provider_field(Artifact)})

def _impl(ctx: AnalysisContext) -> list[Provider]:
    out = ctx.actions.declare_output(ctx.label.name + ".txt")
    ctx.actions.run(
        cmd_args("/bin/sh", "-c", 'cat "$@" > "$0"', out.as_output(), [dep[Info].out for dep in ctx.attrs.deps]),
        root = [],
        env = {"TEXT": ctx.attrs.text},
        category = "concatenate",
        identifier = ctx.label.name,
    )
    return [DefaultInfo(default_output = out), Info(out = out)]

concatenate = rule(impl = _impl, attrs = {
    "text": attrs.string(),
    "deps": attrs.list(attrs.dep(providers = [Info]), default = []),
})
"#;

/// Files in memory, so that the disk is not what is measured.
struct Generated(BTreeMap<String, String>);

impl Generated {
    fn new() -> Self {
        let mut files = BTreeMap::from([
            ("WORKSPACE.star".to_owned(), "workspace(name = \"generated\")\n".to_owned()),
            ("rules.star".to_owned(), RULES.to_owned()),
        ]);
        for folder in 0..FOLDERS {
            files.insert(format!("p{folder}/BUILD.star"), build_file(folder));
        }
        Self(files)
    }
}

fn build_file(folder: usize) -> String {
    let mut text = "load(\"//:rules.star\", \"concatenate\")\n".to_owned();
    for index in 0..EACH {
        let number = folder * EACH + index;
        let deps: Vec<_> = [10, 37, 150]
            .into_iter()
            .filter_map(|step| number.checked_sub(step))
            .map(|other| format!("//p{}:t{other}", other / EACH))
            .collect();
        let _ = writeln!(
            text,
            "concatenate(\n    name = \"t{number}\",\n    text = \"this is target {number}\",\n    deps = {deps:?},\n)"
        );
    }
    text
}

impl Sources for Generated {
    fn read(&self, path: &RelPath) -> io::Result<Option<String>> {
        Ok(self.0.get(path.as_str()).cloned())
    }

    fn list(&self, path: &RelPath) -> io::Result<Option<Vec<DirEntry>>> {
        let entry = |name: &str, kind| DirEntry { name: name.to_owned(), kind };
        if path.is_root() {
            let folders = (0..FOLDERS).map(|folder| entry(&format!("p{folder}"), EntryKind::Directory));
            return Ok(Some(folders.collect()));
        }
        Ok(Some(vec![entry("BUILD.star", EntryKind::File)]))
    }
}

fn load(sources: &Generated, threads: usize) -> (Duration, Analysis) {
    let name = PlatformName::new("x86_64").expect("the name is valid");
    let host = Platform { name: name.clone(), os: "linux".to_owned(), cpu: "x86_64".to_owned() };
    let patterns = [TargetPattern::parse("//...").expect("the pattern is valid")];
    let threads = NonZeroUsize::new(threads).expect("the number is positive");
    let start = Instant::now();
    let workspace = load_workspace(sources, &host).expect("the workspace is sound");
    let analysis = analyze(sources, &workspace, &patterns, &name, threads);
    let taken = start.elapsed();
    assert_eq!(analysis.targets.len(), FOLDERS * EACH);
    (taken, analysis)
}

/// Resident bytes of this process, as the kernel counts them.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}

#[expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]
fn main() {
    let sources = Generated::new();
    // What the evaluator keeps for all time is not a target's.
    drop(load(&Generated(BTreeMap::from_iter(sources.0.clone())), 1));
    for threads in [1, 2] {
        let best = (0..ROUNDS).map(|_| load(&sources, threads).0).min().unwrap_or_default();
        let rate = (FOLDERS * EACH) as f64 / best.as_secs_f64();
        println!("{threads} threads: {:.0} ms, {rate:.0} targets/s", best.as_secs_f64() * 1000.0);
    }
    let before = resident();
    let kept: Vec<_> = (0..4).map(|_| load(&sources, 2).1).collect();
    let targets = kept.len() * FOLDERS * EACH;
    println!("{} resident bytes a target", resident().saturating_sub(before) / targets);
}
