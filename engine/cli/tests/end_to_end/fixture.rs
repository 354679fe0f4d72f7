//! A workspace in a temporary folder whose root is one static program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

/// `/usr/bin/tool`: does what its arguments say, one after the other.
const TOOL: &str = r#"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy(const char *from, FILE *to) {
    FILE *in = fopen(from, "r");
    if (!in) { fprintf(stderr, "%s: %s\n", from, strerror(errno)); exit(1); }
    for (int c; (c = getc(in)) != EOF;) putc(c, to);
    fclose(in);
}

static void connect_out(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (struct sockaddr *)&to, sizeof to) != 0) {
        fprintf(stderr, "connect: %s\n", strerror(errno));
        exit(1);
    }
}

int main(int argc, char **argv) {
    FILE *out = NULL;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(word, "out")) { out = fopen(next, "w"); i++; }
        else if (!strcmp(word, "say")) { fprintf(out ? out : stdout, "%s\n", next); i++; }
        else if (!strcmp(word, "copy")) { copy(next, out ? out : stdout); i++; }
        else if (!strcmp(word, "mode")) { chmod(argv[i + 2], strtol(next, NULL, 8)); i += 2; }
        else if (!strcmp(word, "sleep")) { fflush(NULL); sleep(atoi(next)); i++; }
        else if (!strcmp(word, "network")) connect_out();
        else if (!strcmp(word, "exit")) return atoi(next);
        else { fprintf(stderr, "what is `%s`?\n", word); return 64; }
    }
    return 0;
}
"#;

/// Rules over the tool: each target is one action.
const RULES: &str = r#"
def _words(ctx, out):
    words = ["out", out.as_output()] if out else []
    for src in ctx.attrs.srcs:
        words += ["copy", src]
    for dep in ctx.attrs.deps:
        words += ["copy", dep[DefaultInfo].default_output]
    return cmd_args("/usr/bin/tool", words, ctx.attrs.words)

def _tool_impl(ctx: AnalysisContext) -> list[Provider]:
    out = ctx.actions.declare_output(ctx.attrs.name + ".txt")
    ctx.actions.run(_words(ctx, out), root = ctx.attrs._root[DefaultInfo].default_output, category = "tool", timeout = ctx.attrs.timeout)
    log = ctx.actions.declare_output("test.log")
    ctx.actions.run(["/usr/bin/tool", "say", "tested"], root = ctx.attrs._root[DefaultInfo].default_output, log = log.as_output(), category = "test")
    return [DefaultInfo(default_output = out), TestInfo(results = [log])]

tool = rule(impl = _tool_impl, doc = "Runs the tool.", attrs = {
    "srcs": attrs.list(attrs.source(), default = [], doc = "Files that are copied."),
    "deps": attrs.list(attrs.dep(), default = [], doc = "Targets whose outputs are copied."),
    "words": attrs.list(attrs.string(), default = [], doc = "More to do."),
    "timeout": attrs.string(default = "60s", doc = "How long it may take."),
    "_root": attrs.dep(default = "//root"),
})

def _folder_impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(default_output = ctx.attrs.src)]

folder = rule(impl = _folder_impl, doc = "A folder.", attrs = {
    "src": attrs.source(allow_directory = True, doc = "The folder."),
})
"#;

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
        Ended::from(self.command(arguments).output().unwrap())
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

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
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
