//! Every code a diagnostic of the loader can carry, with its meaning. A code is never
//! reused for something else.

macro_rules! codes {
    ($($(#[doc = $meaning:literal])* $name:ident = $code:literal;)*) => {
        $($(#[doc = $meaning])* pub const $name: &str = $code;)*

        /// All codes with their meanings, in order.
        pub const ALL: &[(&str, &str)] = &[$(($code, concat!($($meaning),*))),*];
    };
}

codes! {
    /// A file is not valid Starlark.
    SYNTAX = "WIZ0101";
    /// A statement is not allowed in this kind of file.
    DIALECT = "WIZ0102";
    /// A name is not defined.
    SCOPE = "WIZ0103";
    /// A file cannot be read.
    UNREADABLE = "WIZ0104";
    /// A `load` names a file that does not exist or is not a `.star` file.
    LOAD_PATH = "WIZ0105";
    /// A `load` names a file that is private to another folder.
    LOAD_PRIVATE = "WIZ0106";
    /// A `load` names a symbol that the file does not define, or keeps to itself.
    LOAD_SYMBOL = "WIZ0107";
    /// Files load each other in a circle.
    LOAD_CYCLE = "WIZ0108";
    /// `fail()` was called.
    FAIL = "WIZ0110";
    /// Evaluation failed: a wrong type, a missing key, a wrong number of arguments.
    EVALUATION = "WIZ0111";
    /// What `print()` was given.
    PRINT = "WIZ0112";
    /// Evaluation took too many steps.
    STEPS = "WIZ0120";
    /// Evaluation used too much memory.
    MEMORY = "WIZ0121";
    /// Calls are nested too deeply.
    DEPTH = "WIZ0122";

    /// The workspace has no WORKSPACE.star, or it does not call `workspace()` once.
    WORKSPACE_MISSING = "WIZ0201";
    /// A field of the workspace is wrong.
    WORKSPACE_FIELD = "WIZ0202";

    /// A folder has no BUILD.star.
    NO_BUILD_FILE = "WIZ0301";
    /// A BUILD.star does not define that target.
    NO_TARGET = "WIZ0302";
    /// Two definitions have the same name.
    DUPLICATE_TARGET = "WIZ0303";
    /// Text is not a label.
    LABEL = "WIZ0304";
    /// A rule has no such attribute.
    UNKNOWN_ATTRIBUTE = "WIZ0305";
    /// An attribute without default was not given.
    MISSING_ATTRIBUTE = "WIZ0306";
    /// An attribute has a value of the wrong type.
    ATTRIBUTE_TYPE = "WIZ0307";
    /// A source file does not exist, is of the wrong kind, or belongs to another package.
    SOURCE_FILE = "WIZ0308";
    /// A `select()` is malformed, or nothing in it matches the platform.
    SELECT = "WIZ0309";
    /// A rule, provider or transitive set is declared or used in the wrong place.
    MISPLACED = "WIZ0310";
    /// A declaration of a rule, provider, attribute or transitive set is malformed.
    DECLARATION = "WIZ0311";
    /// A glob is malformed.
    GLOB = "WIZ0312";

    /// Targets depend on each other in a circle.
    DEPENDENCY_CYCLE = "WIZ0401";
    /// A target may not be depended on from there.
    VISIBILITY = "WIZ0402";
    /// A dependency lacks a provider.
    PROVIDER_MISSING = "WIZ0403";
    /// A toolchain type has no toolchain for the platform.
    TOOLCHAIN = "WIZ0404";
    /// A provider's or transitive set's value is malformed.
    PROVIDER_VALUE = "WIZ0405";
    /// A platform is not declared.
    PLATFORM = "WIZ0406";

    /// A declared output's path is malformed or taken.
    OUTPUT_PATH = "WIZ0501";
    /// A declared output is made by no action.
    OUTPUT_UNBOUND = "WIZ0502";
    /// A declared output is made by two actions.
    OUTPUT_BOUND_TWICE = "WIZ0503";
    /// An action has no output.
    NO_OUTPUT = "WIZ0504";
    /// An action's argument is malformed.
    ACTION_ARGUMENT = "WIZ0505";
    /// A SHA-256 is missing or malformed.
    SHA256 = "WIZ0506";
    /// A native action of that kind does not exist.
    NATIVE_KIND = "WIZ0507";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_unique_and_ordered() {
        let codes: Vec<_> = ALL.iter().map(|(code, _)| *code).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
    }

    #[test]
    fn every_code_has_a_meaning() {
        for (code, meaning) in ALL {
            assert!(code.starts_with("WIZ0") && code.len() == 7, "{code}");
            assert!(meaning.trim().ends_with('.'), "{code}: {meaning}");
        }
    }
}
