//! apk's commands.

mod add;
mod audit;
mod del;
mod fetch;
mod fix;
mod info;
mod list;
mod search;
mod update;
mod upgrade;
mod verify;
mod version;

use crate::arguments::{self, Arguments, COMMIT, GLOBAL, OptionSpec};
use crate::error::{Failure, StopError};
use crate::output::{Stream, write};
use crate::session::default_arch;
use crate::settings::Settings;

/// A command of apk.
struct Command {
    name: &'static str,
    summary: &'static str,
    /// How it is called, for `--help`.
    usage: &'static str,
    options: &'static [OptionSpec],
    /// It changes what is installed.
    is_commit: bool,
    run: fn(Settings, &Arguments) -> Result<(), Failure>,
}

const COMMANDS: [Command; 12] = [
    add::COMMAND,
    audit::COMMAND,
    del::COMMAND,
    fetch::COMMAND,
    fix::COMMAND,
    info::COMMAND,
    list::COMMAND,
    search::COMMAND,
    update::COMMAND,
    upgrade::COMMAND,
    verify::COMMAND,
    version::COMMAND,
];

/// Runs the command line.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let every: Vec<&[OptionSpec]> =
        [GLOBAL, COMMIT].into_iter().chain(COMMANDS.iter().map(|command| command.options)).collect();
    let find = |name: &str| COMMANDS.iter().find(|command| command.name == name);
    let name = arguments::find_command(words, &[GLOBAL], &|word| find(word).is_some())
        .or_else(|| arguments::find_command(words, &every, &|word| find(word).is_some()));
    let command = name.and_then(find);
    let mut tables = vec![GLOBAL];
    if let Some(command) = command {
        tables.insert(0, command.options);
        if command.is_commit {
            tables.push(COMMIT);
        }
    }
    let parsed = match arguments::parse(words, &tables, command.map(|command| command.name)) {
        Ok(parsed) => parsed,
        Err(error) => {
            write(Stream::Err, &format!("ERROR: {error}\n"));
            return Err(Failure::Counted(1));
        }
    };
    if parsed.has("version") {
        write(Stream::Out, &format!("{}\n", version_line()));
        return Ok(());
    }
    if parsed.has("print-arch") {
        write(Stream::Out, &format!("{}\n", default_arch()));
        return Ok(());
    }
    match (command, parsed.operands.first()) {
        (Some(command), _) if parsed.has("help") => {
            write(Stream::Out, &help(command));
            Err(Failure::Counted(1))
        }
        (Some(command), _) => (command.run)(Settings::new(&parsed), &parsed),
        (None, Some(word)) => {
            write(Stream::Err, &format!("ERROR: '{word}' is not an apk command. See 'apk --help'.\n"));
            Err(Failure::Counted(1))
        }
        (None, None) => {
            write(Stream::Out, &usage());
            Err(Failure::Counted(1))
        }
    }
}

fn version_line() -> String {
    format!("apk-tools {} (wiz), compiled for {}.", env!("CARGO_PKG_VERSION"), default_arch())
}

fn usage() -> String {
    let mut text =
        format!("{}\n\nusage: apk [<OPTIONS>...] COMMAND [<ARGUMENTS>...]\n\ncommands:\n", version_line());
    for command in &COMMANDS {
        text.push_str(&format!("  {:10} {}\n", command.name, command.summary));
    }
    text.push_str("\n`apk COMMAND --help` tells more.\n");
    text
}

fn help(command: &Command) -> String {
    let mut text = format!("{}\n\nusage: apk {}\n\n{}\n", version_line(), command.usage, command.summary);
    let mut group = |title: &str, options: &[OptionSpec]| {
        if options.is_empty() {
            return;
        }
        text.push_str(&format!("\n{title}:\n"));
        for option in options {
            text.push_str(&format!("  {}\n", shown(option)));
        }
    };
    group("options", command.options);
    if command.is_commit {
        group("options of commands that change what is installed", COMMIT);
    }
    group("options of every command", GLOBAL);
    text
}

fn shown(option: &OptionSpec) -> String {
    let short = option.short.chars().map(|letter| format!("-{letter}"));
    let long = (!option.long.starts_with('[')).then(|| format!("--{}", option.long));
    let argument = if option.kind == arguments::Kind::Argument { " ARGUMENT" } else { "" };
    format!("{}{argument}", short.chain(long).collect::<Vec<_>>().join(", "))
}

/// Objects to operands of a command that takes none.
fn refuse_operands(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.operands.first() {
        Some(word) => Err(StopError::new(format!("`{word}` is not expected here")).into()),
        None => Ok(()),
    }
}
