//! A request to stop, seen by any number of threads. Unaware of signals, which
//! only the command line handles.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender};

/// Says that what runs should stop. Clones share the request; it cannot be taken back.
#[derive(Debug, Clone)]
pub struct CancelToken {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    flag: AtomicBool,
    /// Nothing is ever sent: dropping it disconnects every receiver at once.
    sender: Mutex<Option<Sender<()>>>,
    receiver: Receiver<()>,
}

impl CancelToken {
    /// A token that nobody has cancelled.
    #[must_use]
    pub fn new() -> Self {
        let (sender, receiver) = crossbeam_channel::bounded(0);
        let inner = Inner { flag: AtomicBool::new(false), sender: Mutex::new(Some(sender)), receiver };
        Self { inner: Arc::new(inner) }
    }

    /// Asks everything that looks at this token to stop.
    pub fn cancel(&self) {
        self.inner.flag.store(true, Ordering::Release);
        self.inner.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether somebody asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.flag.load(Ordering::Acquire)
    }

    /// Disconnected on cancellation and silent before, for waiting on several things at once.
    #[must_use]
    pub fn receiver(&self) -> &Receiver<()> {
        &self.inner.receiver
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_wakes_whoever_waits() {
        let token = CancelToken::new();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| token.receiver().recv().is_err());
            token.clone().cancel();
            assert!(waiting.join().unwrap());
        });
        assert!(token.is_cancelled());
    }
}
