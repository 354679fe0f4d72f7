//! Files of which nobody knows beforehand what they will say: an archive's newest index. They
//! are asked for anew each time and never stored. No action may need one.

use wiz_scheduler::CancelToken;

use super::candidate::{self, Place};
use super::{Attempt, FetchError, Fetcher, Problem, give_up_or};

/// An index, and which place had it.
#[derive(Debug)]
pub struct Unpinned<T> {
    /// What was made of its bytes.
    pub content: T,
    /// The URL that gave it.
    pub place: String,
}

impl Fetcher {
    /// Asks the places of `url` in order until `accept` takes what one of them says; what
    /// it says of a refusal becomes part of the error. At most `limit` bytes are read.
    ///
    /// # Errors
    /// [`FetchError`] if no place has anything acceptable, or the network must not be used.
    pub fn fetch_unpinned<T>(
        &self,
        url: &str,
        limit: u64,
        cancel: &CancelToken,
        accept: &mut dyn FnMut(Vec<u8>) -> Result<T, String>,
    ) -> Result<Unpinned<T>, FetchError> {
        let mut failed = Vec::new();
        let candidates = match candidate::candidates(url, &self.workspace, &self.settings) {
            Ok(candidates) => candidates,
            Err(problem) => {
                failed.push(Attempt { url: url.to_owned(), problem });
                Vec::new()
            }
        };
        if self.settings.offline && !candidates.is_empty() {
            return Err(FetchError::IndexOffline { url: url.to_owned() });
        }
        let patience = self.settings.patience;
        let (late, prompt): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|place| self.is_late(place));
        let mut rounds = [(patience.answer, prompt), (patience.late_answer, late)];
        for round in 0..rounds.len() {
            let (answer, places) = (rounds[round].0, std::mem::take(&mut rounds[round].1));
            for place in places {
                let Place::Url { url, .. } = &place.place else { continue };
                let read = self.downloader.read(url, limit, answer, cancel);
                match read.and_then(|bytes| accept(bytes).map_err(Problem::Refused)) {
                    Ok(content) => return Ok(Unpinned { content, place: place.shown }),
                    Err(Problem::Late) if round == 0 => {
                        self.mark_late(&place);
                        rounds[1].1.push(place);
                    }
                    Err(problem) => failed.push(give_up_or(problem, place, &self.partials)?),
                }
            }
        }
        Err(FetchError::Index { url: url.to_owned(), failed })
    }
}
