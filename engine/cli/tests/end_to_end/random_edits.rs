//! Random workspaces under random edits: what is built on from the last build equals what
//! is built from nothing, also where a build in between was killed.
//!
//! `WIZ_RANDOM_EDITS` says how many edits are made, 60 by default.

use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use crate::fixture::{Fixture, rounds};

const PACKAGES: usize = 3;
const TARGETS: usize = 5;

/// Small numbers that depend on the seed only.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Numerical Recipes' linear congruential generator; its high bits are good enough.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// A target's definition.
#[derive(Clone, Default)]
struct Definition {
    there: bool,
    words: usize,
    source: bool,
    /// Targets of lower numbers, so that nothing is circular.
    deps: Vec<usize>,
    comment: usize,
}

/// What the files of a workspace say.
#[derive(Clone)]
struct State {
    targets: Vec<Definition>,
    sources: Vec<usize>,
    /// A word that the shared macro adds.
    shared: usize,
    shared_comment: usize,
}

impl State {
    fn new(dice: &mut Dice) -> Self {
        let mut state = Self {
            targets: vec![Definition { there: true, ..Definition::default() }; PACKAGES * TARGETS],
            sources: vec![0; PACKAGES],
            shared: 0,
            shared_comment: 0,
        };
        for _ in 0..20 {
            state.edit(dice);
        }
        state
    }

    fn edit(&mut self, dice: &mut Dice) {
        let number = dice.roll(self.targets.len());
        let target = &mut self.targets[number];
        match dice.roll(9) {
            0 | 1 => target.words = dice.roll(4),
            2 => target.source = !target.source,
            3 if number > 0 => {
                let other = dice.roll(number);
                match target.deps.iter().position(|dep| *dep == other) {
                    Some(place) => drop(target.deps.remove(place)),
                    None => target.deps.push(other),
                }
            }
            4 => target.there = !target.there,
            5 => target.comment += 1,
            6 => self.sources[number / TARGETS] = dice.roll(4),
            7 => self.shared = dice.roll(3),
            _ => self.shared_comment += 1,
        }
    }

    fn write(&self, fixture: &Fixture) {
        let shared = format!(
            "# {}\nload(\"//:rules.star\", \"tool\")\n\ndef shared(name, words, **rest):\n    tool(name = name, words = words + [\"say\", \"shared {}\"], **rest)\n",
            self.shared_comment, self.shared
        );
        write_if_other(fixture, "shared.star", &shared);
        for package in 0..PACKAGES {
            write_if_other(fixture, &format!("p{package}/f"), &format!("source {}\n", self.sources[package]));
            write_if_other(fixture, &format!("p{package}/BUILD.star"), &self.package(package));
        }
    }

    fn package(&self, package: usize) -> String {
        let mut text = "load(\"//:shared.star\", \"shared\")\n".to_owned();
        for number in package * TARGETS..(package + 1) * TARGETS {
            let target = &self.targets[number];
            if !target.there {
                continue;
            }
            let there = target.deps.iter().filter(|dep| self.targets[**dep].there);
            let deps: Vec<_> = there.map(|dep| format!("//p{}:t{dep}", dep / TARGETS)).collect();
            let srcs: &[&str] = if target.source { &["f"] } else { &[] };
            let words = ["say".to_owned(), format!("word {}", target.words)];
            writeln!(
                text,
                "# {}\nshared(name = \"t{number}\", deps = {deps:?}, srcs = {srcs:?}, words = {words:?})",
                target.comment
            )
            .unwrap();
        }
        text
    }
}

fn write_if_other(fixture: &Fixture, path: &str, text: &str) {
    if fs::read_to_string(fixture.path(path)).ok().as_deref() != Some(text) {
        fixture.write(path, text);
    }
}

/// Status, and what was built: labels, names and digests.
fn built(fixture: &Fixture, pattern: &str) -> (i32, Option<serde_json::Value>) {
    let ended = fixture.wiz(&["build", "--json", pattern]);
    let json =
        serde_json::from_str(&ended.stdout).ok().map(|mut json: serde_json::Value| json["targets"].take());
    assert!(json.is_some() || ended.status != 0, "{}", ended.stderr);
    (ended.status, json)
}

/// Kills a build after so many milliseconds, wherever it is by then.
fn kill_a_build(fixture: &Fixture, pattern: &str, millis: usize) {
    let mut command = fixture.command(&["build", pattern]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(u64::try_from(millis).unwrap()));
    let _ = child.kill();
    child.wait().unwrap();
}

fn check(seed: u64, edits: usize) {
    let mut dice = Dice(seed);
    let (going_on, from_nothing) = (Fixture::new(&[]), Fixture::new(&[]));
    let mut state = State::new(&mut dice);
    let mut earlier = vec![state.clone()];
    for edit in 0..edits {
        match dice.roll(8) {
            // Back to where it was, as switching branches does.
            0 => state = earlier[dice.roll(earlier.len())].clone(),
            _ => {
                for _ in 0..=dice.roll(3) {
                    state.edit(&mut dice);
                }
            }
        }
        earlier.push(state.clone());
        state.write(&going_on);
        state.write(&from_nothing);
        let _ = fs::remove_dir_all(from_nothing.cache().join("workspaces"));
        let package = format!("//p{}:all", dice.roll(PACKAGES));
        let pattern = if dice.roll(3) == 0 { package.as_str() } else { "//..." };
        if dice.roll(4) == 0 {
            kill_a_build(&going_on, pattern, dice.roll(40));
        }
        let (now, expected) = (built(&going_on, pattern), built(&from_nothing, pattern));
        assert_eq!(now, expected, "seed {seed}, edit {edit}, {pattern}");
        for label in now.1.iter().flat_map(|targets| targets.as_array().unwrap()) {
            let path = label["outputs"][0]["path"].as_str().unwrap();
            let text = |fixture: &Fixture| fs::read(fixture.path(path)).unwrap_or_default();
            if !path.starts_with("root") {
                assert!(text(&going_on) == text(&from_nothing), "seed {seed}, edit {edit}, {path}");
            }
        }
    }
}

#[test]
fn going_on_equals_beginning_from_nothing() {
    let edits = rounds("WIZ_RANDOM_EDITS", 60);
    for seed in 0..edits / 20 {
        check(u64::from(seed), 20);
    }
}
