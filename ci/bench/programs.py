"""How wiz and its peers are called on their spelling of the graph. Unaware of what is measured.

Every program has: `missing`, why it cannot run, or None; `analyse()`, seconds to learn the graph from nothing;
`build()`, seconds to bring it up to date; `edit()`, a change of one definition on which nothing depends; `result()`, the
text that its last target made. Nothing that was written is removed between runs: ext4 is slow to reuse inodes that were
freed a moment ago, and would charge the next run for it.
"""

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import measure


class Program:
    """A spelling of the graph and a folder for the program's state."""

    package = None

    def __init__(self, binary, graph, state):
        self.binary = binary
        self.folder = graph.folder / self.name
        self.graph = graph
        self.state = state / self.name
        self.state.mkdir(parents=True)
        self.numbers = itertools.count()

    @property
    def missing(self):
        return None if shutil.which(self.binary) else f"`{self.binary}` is not installed: Debian package `{self.package}`"

    def edit(self):
        """Gives the last target a word that it never had; its only action has to run again."""
        path = self.folder / self.definitions
        text, name = path.read_text(), f"t{self.graph.targets - 1}"
        pattern = self.spelling.replace("NAME", name)
        changed, count = re.subn(pattern, rf"\g<1>{name}-{next(self.numbers)}", text)
        assert count == 1, f"{pattern} occurs {count} times in {path}"
        path.write_text(changed)

    @property
    def last(self):
        return f"p{self.graph.packages - 1}"

    def fresh(self):
        """A folder that never was before."""
        folder = self.state / f"fresh{next(self.numbers)}"
        folder.mkdir()
        return folder


class Wiz(Program):
    name = "wiz"
    spelling = r'(name = "NAME", word = ")[^"]*'

    def __init__(self, binary, graph, state):
        super().__init__(str(binary), graph, state)
        self.definitions = f"{self.last}/BUILD.star"
        self.cache = self.fresh()
        home = {"HOME": str(self.state), "XDG_CONFIG_HOME": str(self.state / "config")}
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith("WIZ_")}, **home}

    @property
    def missing(self):
        return None if os.access(self.binary, os.X_OK) else f"there is no `{self.binary}`: `cargo build --release`"

    def command(self, *arguments, cache=None):
        return [self.binary, *arguments, "--cache-dir", str(cache or self.cache)]

    def analysis(self):
        """The command that loads and analyses everything over an empty cache."""
        return self.command("query", "//...", cache=self.fresh())

    def analyse(self):
        return measure.wall(self.analysis(), self.folder, self.environment)

    def build(self):
        return measure.wall(self.command("build", "//..."), self.folder, self.environment)

    def build_with(self, address):
        return measure.wall(self.command("build", "//...", "--remote-cache", address), self.folder, self.environment)

    @contextlib.contextmanager
    def served(self):
        """The address of a cache that is served meanwhile."""
        command = self.command("cache", "serve", "--listen", "127.0.0.1:0", cache=self.fresh())
        with subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True) as server:
            try:
                yield server.stdout.readline().strip()
            finally:
                server.terminate()

    def counts(self, *options):
        """Brings everything up to date and says how many actions there were, and of which kind."""
        printed = measure.output(self.command("build", "//...", "--json", *options), self.folder, self.environment)
        return json.loads(printed)["actions"]

    def forget_all(self):
        self.cache = self.fresh()
        self.forget_state()

    def forget_state(self):
        """What a new checkout over the same cache does not have."""
        for path in (self.folder / "wiz-out", self.cache / "workspaces"):
            if path.exists():
                path.rename(self.fresh() / path.name)

    def result(self):
        name = f"t{self.graph.targets - 1}"
        return (self.folder / f"wiz-out/{self.last}/{name}/{name}.out").read_text()


class Ninja(Program):
    name = "ninja"
    package = "ninja-build"
    spelling = r"(/NAME\.out: copy .*\n  word = ).*"
    definitions = "build.ninja"

    def __init__(self, graph, state):
        # Debian's own program, whatever is before it on the path.
        super().__init__("/usr/bin/ninja", graph, state)

    def build(self):
        return measure.wall([self.binary, "--quiet"], self.folder)

    def memory(self):
        return measure.peak_memory([self.binary, "--quiet"], self.folder)

    def result(self):
        return (self.folder / f"out/{self.last}/t{self.graph.targets - 1}.out").read_text()


class Bazel(Program):
    name = "bazel"
    package = "bazel-bootstrap"
    spelling = Wiz.spelling

    def __init__(self, graph, state):
        # Debian's `bazel` is a shell script that looks for this one.
        super().__init__(shutil.which("bazel-4") or "bazel", graph, state)
        self.definitions = f"{self.last}/BUILD"
        self.base = self.fresh()
        self.disk_cache = self.fresh()

    def command(self, verb, *arguments):
        startup = ["--nohome_rc", "--noworkspace_rc", f"--output_user_root={self.base}", "--max_idle_secs=600"]
        return [self.binary, *startup, verb, *arguments]

    def building(self, *arguments):
        quiet = ["--noshow_progress", "--noshow_loading_progress", "--ui_event_filters=-info", "--show_result=0"]
        # Debian's configuration says `--sandbox_debug`, which would cost it dearly. Without a prefix there are no links
        # into its output, which `//...` would follow once another server made them.
        return self.command("build", "--nosandbox_debug", "--symlink_prefix=/", *quiet, *arguments, "//...")

    def analyse(self):
        self.stop()
        return measure.wall(self.building("--nobuild"), self.folder)

    def build(self):
        """With its server running and the results in a cache, actions not sandboxed."""
        return measure.wall(self.building("--spawn_strategy=local", f"--disk_cache={self.disk_cache}"), self.folder)

    def build_with(self, address):
        """With its server running and the results in a remote cache; outputs are fetched, as wiz does."""
        return measure.wall(self.building("--spawn_strategy=local", f"--remote_cache={address}"), self.folder)

    def build_sandboxed(self):
        return measure.wall(
            self.building("--spawn_strategy=linux-sandbox", "--sandbox_default_allow_network=false"), self.folder
        )

    def forget_all(self):
        self.stop()
        self.base = self.fresh()

    def forget_state(self):
        measure.wall(self.command("clean"), self.folder)

    def heap(self):
        """Bytes of the server that are in use."""
        text = measure.output(self.command("info", "used-heap-size-after-gc"), self.folder).strip()
        return int(text.removesuffix("MB")) << 20

    def stop(self):
        measure.wall(self.command("shutdown"), self.folder)

    def result(self):
        outputs = Path(measure.output(self.command("info", "bazel-bin"), self.folder).strip())
        return (outputs / f"{self.last}/t{self.graph.targets - 1}.out").read_text()


class Nix(Program):
    name = "nix"
    package = "nix-bin"

    def __init__(self, graph, state):
        super().__init__("nix-build", graph, state)
        self.forget_all()

    def forget_all(self):
        base = self.fresh()
        folders = {f"NIX_{kind.upper()}_DIR": str(base / kind) for kind in ("store", "state", "log", "conf")}
        self.environment = {**os.environ, **folders, "HOME": str(base), "NIX_REMOTE": ""}

    def settings(self):
        options = {"build-users-group": "", "sandbox": "true", "sandbox-fallback": "false", "substitute": "false"}
        options["max-jobs"] = str(os.cpu_count())
        return [word for option in options.items() for word in ("--option", *option)]

    def analysis(self):
        """Evaluates everything down to the names of the derivations, but writes none."""
        return ["nix-instantiate", "--readonly-mode", *self.settings(), "."]

    def analyse(self):
        return measure.wall(self.analysis(), self.folder, self.environment)

    def build(self):
        return measure.wall(["nix-build", "--no-out-link", *self.settings(), "."], self.folder, self.environment)

    def result(self):
        command = ["nix-build", "--no-out-link", *self.settings(), "-A", f"t{self.graph.targets - 1}"]
        with open(measure.output(command, self.folder, self.environment).strip()) as file:
            return file.read()


class Bubblewrap(Program):
    """Starts of a sandbox like wiz's around the same program."""

    name = "bwrap"
    package = "bubblewrap"

    def __init__(self, graph, state):
        super().__init__("bwrap", graph, state)
        self.root = self.state / "root"
        for folder in ("usr/bin", "proc", "dev", "tmp"):
            (self.root / folder).mkdir(parents=True)
        shutil.copy(graph.folder / "tool", self.root / "usr/bin/tool")

    def start(self):
        mounts = ["--ro-bind", str(self.root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        return measure.wall([self.binary, "--unshare-all", *mounts, "/usr/bin/tool", "/tmp/out", "word"], self.state)
