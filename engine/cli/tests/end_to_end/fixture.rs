//! A workspace in a temporary folder whose root is one static program.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

/// `/usr/bin/tool`: does what its arguments say, one after the other.
const TOOL: &str = r#"
#include <sys/random.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void copy(const char *from, FILE *to) {
    FILE *in = fopen(from, "r");
    if (!in) fail(from);
    for (int c; (c = getc(in)) != EOF;) if (putc(c, to) == EOF) fail("write");
    fclose(in);
}

static void connect_out(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
}

static void fill(FILE *to, long mebibytes) {
    static char block[1 << 20];
    while (mebibytes-- > 0)
        if (fwrite(block, sizeof block, 1, to) != 1) fail("write");
}

static void fill_blindly(FILE *to, long mebibytes) {
    static char block[1 << 20];
    while (mebibytes-- > 0) fwrite(block, sizeof block, 1, to);
    fflush(to);
    clearerr(to);
}

int main(int argc, char **argv) {
    FILE *out = NULL;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(word, "out")) { out = fopen(next, "w"); i++; }
        else if (!strcmp(word, "say")) { fprintf(out ? out : stdout, "%s\n", next); i++; }
        else if (!strcmp(word, "tell")) { printf("%s\n", next); i++; }
        else if (!strcmp(word, "copy")) { copy(next, out ? out : stdout); i++; }
        else if (!strcmp(word, "mode")) { chmod(argv[i + 2], strtol(next, NULL, 8)); i += 2; }
        else if (!strcmp(word, "sleep")) { fflush(NULL); sleep(atoi(next)); i++; }
        else if (!strcmp(word, "nap")) { fflush(NULL); usleep(atoi(next) * 1000); i++; }
        else if (!strcmp(word, "fill")) { fill(out, atol(next)); i++; }
        else if (!strcmp(word, "blind")) { fill_blindly(out, atol(next)); i++; }
        else if (!strcmp(word, "dice")) { unsigned long n; if (getrandom(&n, sizeof n, 0) < 0) fail("getrandom"); fprintf(out, "%lx\n", n); }
        else if (!strcmp(word, "remove")) { remove(next); i++; }
        else if (!strcmp(word, "note")) i++;
        else if (!strcmp(word, "network")) connect_out();
        else if (!strcmp(word, "exit")) return atoi(next);
        else { fprintf(stderr, "what is `%s`?\n", word); return 64; }
    }
    if (out && fclose(out) != 0) fail("write");
    return 0;
}
"#;

/// Rules: over the tool, each target one action and one test of it; a folder; a file from
/// elsewhere; an unpacked archive.
const RULES: &str = r#"
def _words(ctx, out):
    words = ["out", out.as_output()]
    for src in ctx.attrs.srcs:
        words += ["copy", src]
    for dep in ctx.attrs.deps:
        words += ["copy", dep[DefaultInfo].default_output]
    for dep in ctx.attrs.unread:
        words += ["note", dep[DefaultInfo].default_output]
    return cmd_args("/usr/bin/tool", words, ctx.attrs.words)

def _tool_impl(ctx: AnalysisContext) -> list[Provider]:
    root = [tree[DefaultInfo].default_output for tree in [ctx.attrs._root] + ctx.attrs.trees]
    out = ctx.actions.declare_output(ctx.attrs.name + ".txt")
    ctx.actions.run(_words(ctx, out), root = root, category = "tool", timeout = ctx.attrs.timeout)
    log = ctx.actions.declare_output("test.log")
    ctx.actions.run(["/usr/bin/tool", "say", "tested"], root = root, log = log.as_output(), category = "test")
    return [DefaultInfo(default_output = out), TestInfo(results = [log])]

tool = rule(impl = _tool_impl, doc = "Runs the tool.", attrs = {
    "srcs": attrs.list(attrs.source(), default = [], doc = "Files that are copied."),
    "deps": attrs.list(attrs.dep(), default = [], doc = "Targets whose outputs are copied."),
    "unread": attrs.list(attrs.dep(), default = [], doc = "Targets whose outputs are there."),
    "words": attrs.list(attrs.string(), default = [], doc = "More to do."),
    "timeout": attrs.string(default = "60s", doc = "How long it may take."),
    "trees": attrs.list(attrs.dep(), default = [], doc = "Folders that are stacked on the root."),
    "_root": attrs.dep(default = "//root"),
})

def _folder_impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(default_output = ctx.attrs.src)]

folder = rule(impl = _folder_impl, doc = "A folder.", attrs = {
    "src": attrs.source(allow_directory = True, doc = "The folder."),
})

def _fetched_impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(default_output = ctx.actions.fetch("file", urls = ctx.attrs.urls, sha256 = ctx.attrs.sha256))]

fetched = rule(impl = _fetched_impl, doc = "A file from elsewhere.", attrs = {
    "urls": attrs.list(attrs.string(), doc = "Where it may be."),
    "sha256": attrs.string(doc = "Its SHA-256."),
})

def _unpacked_impl(ctx: AnalysisContext) -> list[Provider]:
    tree = ctx.actions.declare_output("tree", dir = True)
    ctx.actions.native("unpack", params = {"archives": [{"archive": ctx.attrs.archive}], "tree": tree.as_output()})
    return [DefaultInfo(default_output = tree)]

unpacked = rule(impl = _unpacked_impl, doc = "An unpacked archive.", attrs = {
    "archive": attrs.source(doc = "The archive."),
})
"#;

/// What loads all of the rules, for a BUILD.star to begin with.
pub(crate) const LOAD: &str = "load(\"//:rules.star\", \"fetched\", \"folder\", \"tool\", \"unpacked\")\n";

/// How many rounds a test of chance takes: what the environment says, for a long run by hand,
/// or these few.
pub(crate) fn rounds(variable: &str, few: u32) -> u32 {
    #[expect(clippy::disallowed_methods, reason = "a long run is asked for by the environment")]
    let asked = std::env::var(variable).ok();
    asked.map_or(few, |text| text.parse().expect("a number of rounds"))
}

/// The next of a row of numbers that look random; see Vigna, "SplitMix64".
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A workspace, its cache, and where both lie.
pub(crate) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    /// A workspace with the tool as root, and these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let fixture = Self { folder: TempDir::new().unwrap() };
        fixture.write("WORKSPACE.star", "workspace(name = \"test\")\n");
        fixture.write("rules.star", RULES);
        fixture.write(
            "root/BUILD.star",
            "load(\"//:rules.star\", \"folder\")\nfolder(name = \"root\", src = \"tree\")\n",
        );
        let program = fixture.path("root/tree/usr/bin/tool");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::copy(tool(), program).unwrap();
        for (path, text) in files {
            fixture.write(path, text);
        }
        fixture
    }

    /// A path in the workspace.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("workspace").join(path)
    }

    /// The home folder, with workspace and cache in it.
    pub(crate) fn home(&self) -> &Path {
        self.folder.path()
    }

    /// The cache folder.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Writes a file of the workspace.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `wiz` with arguments, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wiz"));
        command.args(arguments).current_dir(self.path("")).env_clear();
        command.env("HOME", self.folder.path()).env("WIZ_CACHE_DIR", self.cache());
        command
    }

    /// Runs `wiz` and returns status, stdout and stderr.
    pub(crate) fn wiz(&self, arguments: &[&str]) -> Ended {
        self.run(&mut self.command(arguments))
    }

    /// Runs a command of this fixture.
    pub(crate) fn run(&self, command: &mut Command) -> Ended {
        self.ended(command.output().unwrap())
    }

    /// How a command of this fixture ended.
    pub(crate) fn ended(&self, output: Output) -> Ended {
        let text = |bytes| self.redact(&String::from_utf8(bytes).unwrap());
        Ended {
            status: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// `wiz` with arguments after a shell script has changed what surrounds it: in user and
    /// mount namespaces of its own, with `$WIZ_CACHE_DIR` and the arguments at hand.
    pub(crate) fn surrounded(&self, script: &str, arguments: &[&str]) -> Command {
        let wiz = self.command(arguments);
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-euc", script, "sh"]);
        command.arg(wiz.get_program()).args(wiz.get_args());
        command.current_dir(self.path("")).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", self.folder.path()).env("WIZ_CACHE_DIR", self.cache());
        command
    }

    /// Builds, expecting success, and returns what the event log says of each action: how
    /// its result was come by, by name.
    #[track_caller]
    pub(crate) fn events(&self, label: &str) -> String {
        let file = self.folder.path().join("events.json");
        let ended = self.wiz(&["build", label, "--events", file.to_str().unwrap()]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let text = fs::read_to_string(file).unwrap();
        let mut lines: Vec<String> = text.lines().filter_map(event).collect();
        lines.sort();
        lines.concat()
    }

    /// The digest and the text of a target's one output, built with these further arguments.
    #[track_caller]
    pub(crate) fn built(&self, label: &str, arguments: &[&str]) -> (String, String) {
        let ended = self.wiz(&[&["build", "--json", label], arguments].concat());
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let output = &json["targets"][0]["outputs"][0];
        let text = fs::read_to_string(self.path(output["path"].as_str().unwrap())).unwrap();
        (output["digest"].as_str().unwrap().to_owned(), text)
    }

    /// What differs from run to run, by names in brackets.
    fn redact(&self, text: &str) -> String {
        let text = text.replace(self.folder.path().to_str().unwrap(), "[FOLDER]");
        let text = text.replace(std::env::consts::ARCH, "[ARCH]");
        text.split_inclusive('\n').map(redact_line).collect()
    }

    /// Builds, expecting success, and returns how many actions were executed.
    #[track_caller]
    pub(crate) fn executed(&self, label: &str) -> u64 {
        let ended = self.wiz(&["build", "--json", label]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        json["actions"]["executed"].as_u64().unwrap()
    }
}

/// How a run of `wiz` ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}\n{}{}", self.status, self.stdout, self.stderr)
    }
}

/// One line of an event file as a test sees it; none for what depends on the machine.
fn event(line: &str) -> Option<String> {
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    let kind = event["event"].as_str()?;
    if kind == "build_finished" {
        let counts = &event["counts"];
        return Some(format!("{} of {} actions executed\n", counts["executed"], counts["total"]));
    }
    let name = format!("{} {}", event["action"]["label"].as_str()?, event["action"]["category"].as_str()?);
    match kind {
        "action_finished" => match &event["end"] {
            serde_json::Value::String(end) => Some(format!("{name}: {end}\n")),
            end => Some(format!("{name}: {}\n", end["done"]["how"].as_str().unwrap_or("failed"))),
        },
        "action_rewound" => Some(format!("{name}: rewound\n")),
        _ => None,
    }
}

/// Durations, ports and names of temporary areas, by what they are.
fn redact_line(line: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
    let mut line = match line.rsplit_once("  ") {
        Some((head, time)) if time.starts_with(|c: char| c.is_ascii_digit()) && time.ends_with('s') => {
            format!("{head}  [TIME]")
        }
        _ => line.to_owned(),
    };
    let loopback = "127.0.0.1:";
    if let Some(port) = line.find(loopback).map(|at| at + loopback.len()) {
        let digits = line[port..].bytes().take_while(u8::is_ascii_digit).count();
        line.replace_range(port..port + digits, "[PORT]");
    }
    let is_area = |part: &str| part.split_once('-').is_some_and(|(pid, n)| is_number(pid) && is_number(n));
    let mut parts: Vec<&str> = line.split('/').collect();
    if let Some(area) = parts.iter().position(|part| is_area(part)) {
        parts[area] = "[AREA]";
    }
    parts.join("/") + end
}

/// The tool, compiled once a test run.
fn tool() -> &'static Path {
    static TOOL_PATH: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = TOOL_PATH.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let source = folder.path().join("tool.c");
        fs::write(&source, TOOL).unwrap();
        let program = folder.path().join("tool");
        let status =
            Command::new("cc").args(["-static", "-O1", "-o"]).arg(&program).arg(&source).status().unwrap();
        assert!(status.success(), "cc compiles the tool");
        (folder, program)
    });
    path
}
