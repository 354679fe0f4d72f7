//! The command line in apk's own grammar: options before and behind the command, long
//! names cut short as far as they are clear, `--no-` in front of what is yes or no.
//!
//! A table says which options there are. What they mean is for others.

/// What stands behind an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Plain,
    /// An argument.
    Argument,
    /// Nothing, or `=yes` or `=no`; `--no-` in front says no.
    YesNo,
    /// Like [`Kind::YesNo`], or `=auto`.
    YesNoAuto,
}

/// An option.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionSpec {
    /// Name behind `--`. Options that apk gives none have one in brackets.
    pub(crate) long: &'static str,
    /// Letters behind `-`.
    pub(crate) short: &'static str,
    pub(crate) kind: Kind,
}

/// An option without an argument.
pub(crate) const fn plain(long: &'static str, short: &'static str) -> OptionSpec {
    OptionSpec { long, short, kind: Kind::Plain }
}

/// An option with an argument.
pub(crate) const fn argument(long: &'static str, short: &'static str) -> OptionSpec {
    OptionSpec { long, short, kind: Kind::Argument }
}

/// An option that is yes or no.
pub(crate) const fn yes_no(long: &'static str, short: &'static str) -> OptionSpec {
    OptionSpec { long, short, kind: Kind::YesNo }
}

/// An option that is yes, no or for apk to find out.
pub(crate) const fn yes_no_auto(long: &'static str, short: &'static str) -> OptionSpec {
    OptionSpec { long, short, kind: Kind::YesNoAuto }
}

/// Options of every command.
pub(crate) const GLOBAL: &[OptionSpec] = &[
    plain("allow-untrusted", ""),
    argument("arch", ""),
    yes_no("cache", ""),
    argument("cache-dir", ""),
    argument("cache-max-age", ""),
    yes_no("cache-packages", ""),
    yes_no("cache-predownload", ""),
    yes_no("check-certificate", ""),
    plain("force", "f"),
    plain("force-broken-world", ""),
    plain("force-missing-repositories", ""),
    plain("force-non-repository", ""),
    plain("force-overwrite", ""),
    plain("force-refresh", ""),
    plain("help", "h"),
    yes_no_auto("interactive", "i"),
    argument("keys-dir", ""),
    yes_no("logfile", ""),
    yes_no("network", ""),
    argument("preupgrade-depends", ""),
    plain("print-arch", ""),
    yes_no_auto("progress", ""),
    yes_no("purge", ""),
    plain("quiet", "q"),
    argument("repositories-file", ""),
    argument("repository", "X"),
    argument("root", "p"),
    yes_no_auto("root-tmpfs", ""),
    yes_no_auto("sync", ""),
    argument("timeout", ""),
    plain("update-cache", "U"),
    plain("verbose", "v"),
    plain("version", "V"),
    argument("wait", ""),
];

/// Options of commands that change what is installed.
pub(crate) const COMMIT: &[OptionSpec] = &[
    yes_no("clean-protected", ""),
    yes_no("commit-hooks", ""),
    yes_no("scripts", ""),
    yes_no("simulate", "s"),
];

/// The value an option was given.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Plain,
    Yes,
    No,
    Auto,
    Text(String),
}

/// A command line taken apart.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    given: Vec<(&'static str, Given)>,
    /// What is no option, the command itself left out.
    pub(crate) operands: Vec<String>,
}

impl Arguments {
    /// How often the option was given.
    pub(crate) fn count(&self, long: &str) -> usize {
        self.given.iter().filter(|(name, _)| *name == long).count()
    }

    /// Whether the option was given, or says yes if it can also say no.
    pub(crate) fn has(&self, long: &str) -> bool {
        self.last(long).is_some_and(|given| !matches!(given, Given::No))
    }

    /// Whether the option says yes; `None` if it was not given or is automatic.
    pub(crate) fn decided(&self, long: &str) -> Option<bool> {
        match self.last(long)? {
            Given::Auto => None,
            given => Some(*given != Given::No),
        }
    }

    /// The option's argument, the last one if it was given several times.
    pub(crate) fn text(&self, long: &str) -> Option<&str> {
        self.texts(long).last()
    }

    /// All arguments the option was given.
    pub(crate) fn texts(&self, long: &str) -> impl Iterator<Item = &str> {
        let given = self.given.iter().filter(move |(name, _)| *name == long);
        given.filter_map(|(_, given)| match given {
            Given::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    fn last(&self, long: &str) -> Option<&Given> {
        self.given.iter().rev().find(|(name, _)| *name == long).map(|(_, given)| given)
    }
}

/// A command line that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error("command line: unrecognized option '{0}'")]
    Unknown(String),
    #[error("command line: ambiguous option '{0}'")]
    Ambiguous(String),
    #[error("command line: option '{0}' expects an argument")]
    Missing(String),
    #[error("command line: option '{0}' does not expect argument (got '{1}')")]
    Unexpected(String, String),
    #[error("command line: invalid argument for option '{0}': '{1}'")]
    Invalid(String, String),
}

/// Takes a command line apart, its program's name left out. `tables` are the options
/// there are; `is_command` tells the operand that is the command, the first of which is
/// left out of the result.
pub(crate) fn parse(
    words: &[String],
    tables: &[&[OptionSpec]],
    command: Option<&str>,
) -> Result<Arguments, ArgumentError> {
    let mut arguments = Arguments::default();
    let mut command = command;
    let mut rest = words.iter();
    let mut options_end = false;
    while let Some(word) = rest.next() {
        if options_end || !word.starts_with('-') || word == "-" {
            match command {
                Some(name) if name == word => command = None,
                _ => arguments.operands.push(word.clone()),
            }
        } else if word == "--" {
            options_end = true;
        } else if let Some(text) = word.strip_prefix("--") {
            let next = rest.as_slice().first();
            let (long, given, takes_next) = parse_long(text, next, tables)?;
            arguments.given.push((long, given));
            if takes_next {
                rest.next();
            }
        } else if parse_short(&word[1..], rest.as_slice().first(), tables, &mut arguments)? {
            rest.next();
        }
    }
    Ok(arguments)
}

/// The first operand of a command line that `is_command` knows, with all options of
/// `tables` understood as far as needed to skip their arguments.
pub(crate) fn find_command<'w>(
    words: &'w [String],
    tables: &[&[OptionSpec]],
    is_command: &dyn Fn(&str) -> bool,
) -> Option<&'w str> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            return None;
        }
        if !word.starts_with('-') || word == "-" {
            if is_command(word) {
                return Some(word);
            }
            continue;
        }
        let next = rest.as_slice().first();
        let takes_next = match word.strip_prefix("--") {
            Some(text) => parse_long(text, next, tables).is_ok_and(|(_, _, takes_next)| takes_next),
            None => parse_short(&word[1..], next, tables, &mut Arguments::default()).unwrap_or(false),
        };
        if takes_next {
            rest.next();
        }
    }
    None
}

/// The option behind `--text`, what it was given, and whether that is the next word.
fn parse_long(
    text: &str,
    next: Option<&String>,
    tables: &[&[OptionSpec]],
) -> Result<(&'static str, Given, bool), ArgumentError> {
    let (name, explicit) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let (spec, is_negated) = find_long(name, tables)?;
    let unexpected = |value: &str| ArgumentError::Unexpected(name.to_owned(), value.to_owned());
    match (spec.kind, explicit) {
        (Kind::Plain, None) => Ok((spec.long, Given::Plain, false)),
        (Kind::Plain, Some(value)) => Err(unexpected(value)),
        (Kind::Argument, Some(value)) => Ok((spec.long, Given::Text(value.to_owned()), false)),
        (Kind::Argument, None) => {
            let value = next.ok_or_else(|| ArgumentError::Missing(name.to_owned()))?;
            Ok((spec.long, Given::Text(value.clone()), true))
        }
        (_, Some(value)) if is_negated => Err(unexpected(value)),
        (_, None) if is_negated => Ok((spec.long, Given::No, false)),
        (_, None | Some("yes")) => Ok((spec.long, Given::Yes, false)),
        (_, Some("no")) => Ok((spec.long, Given::No, false)),
        (Kind::YesNoAuto, Some("auto")) => Ok((spec.long, Given::Auto, false)),
        (_, Some(value)) => Err(ArgumentError::Invalid(name.to_owned(), value.to_owned())),
    }
}

/// The one option that `name` is, or is the beginning of, and whether it is denied.
fn find_long(name: &str, tables: &[&[OptionSpec]]) -> Result<(OptionSpec, bool), ArgumentError> {
    let negated = name.strip_prefix("no-").filter(|name| !name.is_empty());
    let mut candidates = Vec::new();
    for spec in tables.iter().flat_map(|table| table.iter()) {
        let can_deny = matches!(spec.kind, Kind::YesNo | Kind::YesNoAuto);
        let denied = negated.filter(|_| can_deny);
        if spec.long == name || denied == Some(spec.long) {
            return Ok((*spec, spec.long != name));
        }
        if spec.long.starts_with(name) {
            candidates.push((*spec, false));
        } else if denied.is_some_and(|denied| spec.long.starts_with(denied)) {
            candidates.push((*spec, true));
        }
    }
    match candidates[..] {
        [found] => Ok(found),
        [] => Err(ArgumentError::Unknown(name.to_owned())),
        _ => Err(ArgumentError::Ambiguous(name.to_owned())),
    }
}

/// The options of a word such as `-qs`; whether the last one took the next word.
fn parse_short(
    letters: &str,
    next: Option<&String>,
    tables: &[&[OptionSpec]],
    arguments: &mut Arguments,
) -> Result<bool, ArgumentError> {
    for (index, letter) in letters.char_indices() {
        let mut specs = tables.iter().flat_map(|table| table.iter());
        let spec = specs.find(|spec| spec.short.contains(letter));
        let spec = spec.ok_or_else(|| ArgumentError::Unknown(letter.to_string()))?;
        if spec.kind != Kind::Argument {
            let given = if spec.kind == Kind::Plain { Given::Plain } else { Given::Yes };
            arguments.given.push((spec.long, given));
            continue;
        }
        let attached = &letters[index + letter.len_utf8()..];
        let (value, takes_next) = match (attached, next) {
            ("", None) => return Err(ArgumentError::Missing(letter.to_string())),
            ("", Some(next)) => (next.as_str(), true),
            _ => (attached, false),
        };
        arguments.given.push((spec.long, Given::Text(value.to_owned())));
        return Ok(takes_next);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(line: &str, expected: &Expect) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let tables = [GLOBAL, COMMIT, &[plain("upgrade", "u"), argument("virtual", "t")]];
        let shown = match parse(&words, &tables, Some("add")) {
            Ok(Arguments { given, operands }) => {
                let given: Vec<String> =
                    given.iter().map(|(long, given)| format!("{long}:{given:?}")).collect();
                format!("{} | {}", given.join(" "), operands.join(" "))
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn options_stand_anywhere() {
        check("--root /r add -su a", &expect![[r#"root:Text("/r") simulate:Yes upgrade:Plain | a"#]]);
        check("add -t .v a -p/r add", &expect![[r#"virtual:Text(".v") root:Text("/r") | a add"#]]);
        check("add -- -a", &expect![" | -a"]);
    }

    #[test]
    fn long_names_may_be_cut_short_as_far_as_they_are_clear() {
        check("--no-net --sim", &expect!["network:No simulate:Yes | "]);
        check("--root-tmpfs=no --virt=.a", &expect![[r#"root-tmpfs:No virtual:Text(".a") | "#]]);
        check("--cache-", &expect!["command line: ambiguous option 'cache-'"]);
        check("--no-cache", &expect!["cache:No | "]);
        check("--force", &expect!["force:Plain | "]);
    }

    #[test]
    fn mistakes_are_named() {
        check("--colour", &expect!["command line: unrecognized option 'colour'"]);
        check("-z", &expect!["command line: unrecognized option 'z'"]);
        check("--quiet=yes", &expect!["command line: option 'quiet' does not expect argument (got 'yes')"]);
        check("--cache=perhaps", &expect!["command line: invalid argument for option 'cache': 'perhaps'"]);
        check("add -t", &expect!["command line: option 't' expects an argument"]);
    }
}
