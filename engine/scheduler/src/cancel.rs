//! A request to stop, seen by any number of threads. Unaware of signals, which
//! only the command line handles.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender};

/// Says that what runs should stop. Clones share the request; it cannot be taken back.
#[derive(Debug, Clone)]
pub struct CancelToken {
    inner: Arc<Inner>,
}

struct Inner {
    flag: AtomicBool,
    callbacks: Mutex<Callbacks>,
    /// Nothing is ever sent: dropping it disconnects every receiver at once.
    sender: Mutex<Option<Sender<()>>>,
    receiver: Receiver<()>,
}

#[derive(Default)]
struct Callbacks {
    next: u64,
    waiting: BTreeMap<u64, Box<dyn FnOnce() + Send>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("flag", &self.flag).finish_non_exhaustive()
    }
}

/// Somebody who is called on cancellation; dropping it takes the wish back.
#[derive(Debug)]
pub struct Subscription {
    token: CancelToken,
    number: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.token.callbacks().waiting.remove(&self.number);
    }
}

impl CancelToken {
    /// A token that nobody has cancelled.
    #[must_use]
    pub fn new() -> Self {
        let (sender, receiver) = crossbeam_channel::bounded(0);
        let inner = Inner {
            flag: AtomicBool::new(false),
            callbacks: Mutex::default(),
            sender: Mutex::new(Some(sender)),
            receiver,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Asks everything that looks at this token to stop.
    pub fn cancel(&self) {
        self.inner.flag.store(true, Ordering::Release);
        self.inner.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        let called = std::mem::take(&mut self.callbacks().waiting);
        called.into_values().for_each(|callback| callback());
    }

    /// Has `callback` called on cancellation, at once if that has happened, unless the
    /// returned value is dropped before.
    #[must_use]
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> Subscription {
        let number = {
            let mut callbacks = self.callbacks();
            callbacks.next += 1;
            let number = callbacks.next;
            callbacks.waiting.insert(number, Box::new(callback));
            number
        };
        if self.is_cancelled() {
            let callback = self.callbacks().waiting.remove(&number);
            callback.into_iter().for_each(|callback| callback());
        }
        Subscription { token: self.clone(), number }
    }

    fn callbacks(&self) -> MutexGuard<'_, Callbacks> {
        self.inner.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn who_subscribed_is_called_once_and_who_left_is_not() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let call = |name: &'static str| {
            let called = Arc::clone(&called);
            move || called.lock().unwrap().push(name)
        };
        let token = CancelToken::new();
        let _stays = token.on_cancel(call("stays"));
        drop(token.on_cancel(call("left")));
        token.cancel();
        token.cancel();
        let _late = token.on_cancel(call("late"));
        assert_eq!(*called.lock().unwrap(), ["stays", "late"]);
    }
}
