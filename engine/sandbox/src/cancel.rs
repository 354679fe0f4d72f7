//! A request to stop that another thread can make. Unaware of what it stops.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// Cancels every run it was given to, now and later; clones are the same token.
#[derive(Debug, Clone)]
pub struct CancelToken(Arc<OwnedFd>);

impl CancelToken {
    /// A token nobody has cancelled yet.
    ///
    /// # Errors
    /// When no more descriptors can be opened.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// Asks for the end of all runs that hold this token. Cannot be taken back.
    pub fn cancel(&self) {
        // This fails only once the counter is full, and then it is not zero.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Whether [`Self::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let mut event = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut event, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Becomes readable when cancelled.
    pub(crate) fn event(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
