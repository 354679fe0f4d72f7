"""Figures that the crates' own benchmarks print, for what no command of wiz shows by itself."""

import re
import subprocess
from pathlib import Path

import measure

REPOSITORY = Path(__file__).resolve().parents[2]

# Crate, benchmark, and what is taken from its output: name -> expression with one group, the figure.
SANDBOX = ("wiz-sandbox", "start", {
    "one": r"^4 layers, 1 threads, unbounded: ([\d.]+) ms",
    "two": r"^4 layers, 2 threads, unbounded: ([\d.]+) ms",
})
HITS = ("wiz-exec", "local", {"found": r"^trivial commands found: .* ([\d.]+) a second"})
INDEX = ("wiz-cas", "index", {
    "open": r"^opened in ([\d.]+) ms",
    "resident": r"^([\d.]+) MiB resident",
    "read": r"^read in ([\d.]+) us",
})
HASH = ("wiz-cas", "hash", {"rate": r"^([\d.]+) MiB/s"})
ALL = (SANDBOX, HITS, INDEX, HASH)


def compile_all():
    """Compiles the benchmarks, so that no run measures the compiler."""
    for crate, bench, _ in ALL:
        subprocess.run(_cargo(crate, bench, "--no-run"), cwd=REPOSITORY, check=True)


def run(benchmark, *arguments):
    """Runs a benchmark once: name -> figure."""
    crate, bench, wanted = benchmark
    printed = measure.output([*_cargo(crate, bench), "--", *arguments], REPOSITORY)
    found = {name: re.search(pattern, printed, re.MULTILINE) for name, pattern in wanted.items()}
    lost = [wanted[name] for name, match in found.items() if match is None]
    if lost:
        raise measure.Failed(f"the benchmark `{bench}` of {crate} no longer prints {lost}:\n{printed}")
    return {name: float(match[1]) for name, match in found.items()}


def _cargo(crate, bench, *options):
    return ["cargo", "bench", "--quiet", "--locked", "--package", crate, "--bench", bench, *options]
