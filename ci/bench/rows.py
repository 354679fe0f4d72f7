"""What is measured, one function a group of rows. Unaware of how programs are called and of how rows are printed."""

import os
import random
import shutil
from dataclasses import dataclass, field

import benches
import measure


@dataclass
class Row:
    """One quantity of wiz and its peers. A peer without a figure has the reason why instead."""

    name: str
    what: str
    unit: str
    budget: float | None
    wiz: measure.Figure | str
    peers: dict[str, measure.Figure | str] = field(default_factory=dict)
    more_is_better: bool = False


MIB = 1 << 20


def milliseconds(figure):
    return figure.map(lambda seconds: seconds * 1000) if isinstance(figure, measure.Figure) else figure


def compared(runs, subjects, absent):
    """Samples of those that can run, taken in turn; the reason for the others."""
    return {**measure.alternate(runs, subjects), **absent}


def split(programs):
    """Programs that can run, and the reasons of the others by name."""
    able = [program for program in programs if program.missing is None]
    return able, {program.name: program.missing for program in programs if program.missing}


def row(name, what, budget, figures, **others):
    figures = {who: milliseconds(figure) for who, figure in figures.items()}
    return Row(name, what, "ms", budget, figures.pop("wiz"), figures, **others)


def analysis(size, runs, at_budget):
    able, absent = split([size.wiz, size.bazel, size.nix])
    for program in able:
        program.analyse()
    figures = compared(runs, {program.name: program.analyse for program in able}, absent)
    return [row("analysis", f"load and analyse {size.graph.targets} targets from nothing", 1000 if at_budget else None, figures)]


def nothing_to_do(size, runs, budget, with_nix):
    able, absent = split([size.wiz, size.ninja, size.bazel] + [size.nix] * with_nix)
    for program in able:
        program.build()
    subjects = {program.name: program.build for program in able}
    if size.bazel in able:
        subjects["bazel, cold"] = lambda: (size.bazel.stop(), size.bazel.build())[1]
        size.bazel.build()
    figures = compared(runs, subjects, absent)
    return [row("no-op", f"nothing to do, {size.graph.targets} targets", budget, figures)]


def one_edit(size, runs, at_budget):
    able, absent = split([size.wiz, size.ninja, size.bazel])
    for program in able:
        program.build()
    size.wiz.edit()
    executed = size.wiz.counts()["executed"]
    if executed != 1:
        raise measure.Failed(f"one edited definition made wiz run {executed} actions")
    subjects = {program.name: lambda program=program: (program.edit(), program.build())[1] for program in able}
    figures = compared(runs, subjects, absent)
    what = f"one definition of {size.graph.targets} edited, its action included"
    return [row("edit", what, 100 if at_budget else None, figures)]


def actions(size, runs):
    """Everything from an empty cache, each action in its sandbox."""
    able, absent = split([size.wiz, size.bazel, size.nix])
    subjects = {program.name: lambda program=program: _from_empty(program) for program in able}
    figures = compared(runs, subjects, absent)
    executed = size.graph.targets
    budget = 3000 if executed == 1000 else None
    return [row("actions", f"{executed} trivial sandboxed actions, empty cache", budget, figures)]


def _from_empty(program):
    program.forget_all()
    sandboxed = getattr(program, "build_sandboxed", program.build)
    if program.name == "bazel":
        # Its server is up and has analysed: actions alone, as its users meet them.
        program.analyse()
    return sandboxed()


def hits(size, runs):
    """Results are in the cache, everything else of the workspace is new."""
    able, absent = split([size.wiz, size.bazel])
    for program in able:
        program.build()
    counts = _new_checkout_counts(size.wiz)
    if counts["executed"] != 0:
        raise measure.Failed(f"a new checkout over a full cache made wiz run {counts['executed']} actions")
    subjects = {program.name: lambda program=program: (program.forget_state(), program.build())[1] for program in able}
    figures = compared(runs, subjects, absent)
    rates = {
        who: figure if isinstance(figure, str) else figure.map(lambda seconds: counts["total"] / seconds)
        for who, figure in figures.items()
    }
    what = f"cache hits, new checkout of {size.graph.targets} targets, loading included"
    return [Row("hits", what, "/s", None, rates.pop("wiz"), rates, more_is_better=True)]


def remote_hits(size, runs):
    """Everything is in a cache served over loopback by `wiz cache serve`, nothing on this side."""
    able, absent = split([size.wiz, size.bazel])
    with size.wiz.served() as address:
        for program in able:
            program.forget_all()
            program.build_with(address)
        total = size.wiz.counts()["total"]
        subjects = {
            program.name: lambda program=program: (program.forget_all(), program.build_with(address))[1] for program in able
        }
        figures = compared(runs, subjects, absent)
        size.wiz.forget_all()
        counts = size.wiz.counts("--remote-cache", address)
    if counts["remote_hits"] != total:
        raise measure.Failed(f"{counts['remote_hits']} of {total} actions were found in the remote cache")
    rates = {
        who: figure if isinstance(figure, str) else figure.map(lambda seconds: total / seconds)
        for who, figure in figures.items()
    }
    what = f"remote cache hits over loopback, new machine, {size.graph.targets} targets, loading included"
    return [Row("remote-hits", what, "/s", 2000, rates.pop("wiz"), rates, more_is_better=True)]


def engine_hits(runs):
    """The scheduler, the executor and the store on actions whose results are there; nothing is loaded or linked."""
    rates = measure.alternate(runs, {"wiz": lambda: benches.run(benches.HITS)["found"]})
    return [Row("engine-hits", "cache hits of the engine alone", "/s", 5000, rates["wiz"], more_is_better=True)]


def _new_checkout_counts(wiz):
    wiz.forget_state()
    return wiz.counts()


def memory(small, large, at_budget):
    """Bytes for each target more: the difference of two graphs, so that what a program always needs is left out."""
    between = large.graph.targets - small.graph.targets
    able, absent = split([large.wiz, large.ninja, large.bazel, large.nix])

    def slope(at):
        return measure.Figure(((at(large) - at(small)) / between,))

    def heap(size):
        size.bazel.analyse()
        used = size.bazel.heap()
        size.bazel.stop()
        return used

    ways = {
        "wiz": lambda size: measure.peak_memory(size.wiz.analysis(), size.wiz.folder, size.wiz.environment),
        "ninja": lambda size: size.ninja.memory(),
        "bazel": heap,
        "nix": lambda size: measure.peak_memory(size.nix.analysis(), size.nix.folder, size.nix.environment),
    }
    figures = {**{program.name: slope(ways[program.name]) for program in able}, **absent}
    what = f"memory for each target of {large.graph.targets} loaded and analysed"
    return [Row("memory", what, "B", 4096 if at_budget else None, figures.pop("wiz"), figures)]


def sandbox(bubblewrap, runs):
    """A sandbox set up and torn down around a program that does nothing."""
    taken = [benches.run(benches.SANDBOX) for _ in range(runs)]
    peers = {"bwrap": bubblewrap.missing}
    if bubblewrap.missing is None:
        bubblewrap.start()
        peers = measure.alternate(100 * runs, {"bwrap": bubblewrap.start})
    one, two = (measure.Figure(tuple(run[name] for run in taken)) for name in ("one", "two"))
    return [
        Row("sandbox", "sandbox set up and torn down, 4 layers", "ms", 3, one, {k: milliseconds(v) for k, v in peers.items()}),
        Row("sandbox-2", "the same on two threads, each action's share", "ms", None, two),
    ]


def index(runs):
    taken = [benches.run(benches.INDEX) for _ in range(runs)]
    of = {name: measure.Figure(tuple(run[name] for run in taken)) for name in taken[0]}
    return [
        Row("index-open", "index of 1000000 entries opened", "ms", 500, of["open"]),
        Row("index-memory", "index of 1000000 entries, resident", "MiB", 150, of["resident"]),
        Row("index-read", "one entry of it read", "us", None, of["read"]),
    ]


def hashing(state, runs):
    """One file of 1 GiB that is in the page cache, as wiz hashes files and as b3sum does."""
    path = state / "large"
    noise = random.Random(0)
    with open(path, "wb") as file:
        for _ in range(64):
            file.write(noise.randbytes(16 * MIB))
    subjects = {"wiz": lambda: benches.run(benches.HASH, str(path))["rate"]}
    absent = {}
    if shutil.which("b3sum"):
        size = path.stat().st_size / MIB
        subjects["b3sum"] = lambda: size / measure.wall(["b3sum", str(path)], state)
        subjects["b3sum, 1 thread"] = lambda: size / measure.wall(["b3sum", "--num-threads", "1", str(path)], state)
    else:
        absent = {"b3sum": "`b3sum` is not installed: Debian package `b3sum`"}
    figures = compared(runs, subjects, absent)
    what = f"one file of 1 GiB hashed, {os.cpu_count()} cores"
    return [Row("hash", what, "MiB/s", None, figures.pop("wiz"), figures, more_is_better=True)]


def image(binary, cache, runs):
    """Nothing to do for the image of this checkout, whose results are in `cache`."""
    command = [str(binary), "build", "//images:base", "--offline", "--cache-dir", cache]
    measure.wall(command, benches.REPOSITORY)
    figures = measure.alternate(runs, {"wiz": lambda: measure.wall(command, benches.REPOSITORY)})
    return [row("image", "nothing to do, //images:base", 15, figures)]


def build_all(programs):
    """Brings those that can run up to date. All must make the same bytes of the last target, else the graphs differ."""
    able, _ = split(programs)
    for program in able:
        program.build()
    results = {program.name: program.result() for program in able}
    if len(set(results.values())) != 1:
        raise measure.Failed(f"the programs do not agree on the graph's last output: {results}")
