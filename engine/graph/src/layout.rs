//! Where a sandboxed action sees its inputs: a pure function of the action.

use std::collections::BTreeMap;

use wiz_base::RelPath;

use crate::action::{Piece, Run};
use crate::artifact::Artifact;

/// The folder an action works in, absolute.
pub const WORK: &str = "/build";
/// The folder of an action's source tree, absolute.
pub const SOURCE: &str = "/build/src";
/// The folder of an action's other inputs, absolute.
pub const INPUTS: &str = "/build/in";
/// The folder of an action's outputs, absolute.
pub const OUTPUTS: &str = "/build/out";

/// The places of an action's inputs other than its root and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout<'a> {
    places: BTreeMap<&'a Artifact, RelPath>,
}

impl<'a> Layout<'a> {
    /// Lays out the inputs of `run` in the order in which they are named: the first
    /// of a basename at that name, the n-th in a folder `n`.
    #[must_use]
    pub fn of(run: &'a Run) -> Self {
        let pieces = run.all_arguments().flat_map(|argument| &argument.0);
        let named = pieces.filter_map(|piece| match piece {
            Piece::Path(artifact) => Some(artifact),
            Piece::Text(_) | Piece::TextOf(_) | Piece::Output(_) => None,
        });
        let mut places = BTreeMap::new();
        let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
        for artifact in named.chain(&run.hidden) {
            if places.contains_key(artifact) || run.source.as_ref() == Some(artifact) {
                continue;
            }
            let basename = artifact.basename();
            let count = taken.entry(basename).or_default();
            *count += 1;
            let place = if *count == 1 { basename.to_owned() } else { format!("{count}/{basename}") };
            let place = RelPath::new(&place).expect("a basename is one valid segment");
            places.insert(artifact, place);
        }
        Self { places }
    }

    /// Inputs and their places below [`INPUTS`].
    pub fn places(&self) -> impl Iterator<Item = (&'a Artifact, &RelPath)> {
        self.places.iter().map(|(artifact, place)| (*artifact, place))
    }

    /// The absolute path of an input, if it is one of this action's.
    #[must_use]
    pub fn path(&self, run: &Run, artifact: &Artifact) -> Option<String> {
        if run.source.as_ref() == Some(artifact) {
            return Some(SOURCE.to_owned());
        }
        self.places.get(artifact).map(|place| format!("{INPUTS}/{place}"))
    }
}
