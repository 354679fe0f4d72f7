//! The names of packages that a user has written.

use wiz_apk::Name;
use wiz_solve::{NameId, Pool};

use crate::glob;

/// For each of `written`, in turn, the name it is of; with a pattern among them, every
/// known name that fits one, sorted. `None` for a name that nothing has mentioned.
pub(crate) fn find<'w>(pool: &Pool, written: &'w [String]) -> Vec<(&'w str, Option<NameId>)> {
    if !written.iter().any(|text| text.contains('*')) {
        let find = |text: &str| text.parse::<Name>().ok().and_then(|name| pool.find(&name));
        return written.iter().map(|text| (text.as_str(), find(text))).collect();
    }
    let fitting = |name: &Name| written.iter().find(|text| glob::matches(text, name.as_str()));
    let found = pool.names().filter_map(|(name, id)| Some((fitting(name)?.as_str(), Some(id))));
    found.collect()
}
