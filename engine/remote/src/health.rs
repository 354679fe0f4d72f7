//! Whether a server is worth asking: after several failures in a row nobody is asked any more,
//! and the first reason is kept to be told once. Unaware of what was asked.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::RemoteError;

/// So many failures in a row end the asking.
const MOST_FAILURES: u32 = 3;

/// The health of one server.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: AtomicU32,
    has_failed: AtomicBool,
    read_only: AtomicBool,
    remarks: Mutex<Vec<String>>,
}

impl Health {
    /// Whether the server is given up.
    pub(crate) fn is_given_up(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= MOST_FAILURES
    }

    /// Whether nothing can be written to it.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Relaxed)
    }

    /// Nothing is to be written to it.
    pub(crate) fn never_write(&self) {
        self.read_only.store(true, Ordering::Relaxed);
    }

    /// Whether it has failed at anything.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// It has answered.
    pub(crate) fn works(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// It has failed at `what`.
    pub(crate) fn fails(&self, what: &str, error: &RemoteError) {
        tracing::debug!(what, %error, "the remote cache failed");
        self.has_failed.store(true, Ordering::Relaxed);
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        if before + 1 == MOST_FAILURES {
            self.remark(format!("it is not asked any more, after it failed to {what}: {error}"));
        }
    }

    /// It has refused to take something.
    pub(crate) fn refuses(&self, error: &RemoteError) {
        if !self.read_only.swap(true, Ordering::Relaxed) {
            self.remark(format!("nothing is written to it: {error}"));
        }
    }

    /// It has not taken a result, which the next build would have found; it is told once.
    pub(crate) fn keeps_out(&self, error: &RemoteError) {
        self.fails("take a result", error);
        self.remark(format!("it has not taken every result: {error}"));
    }

    /// Something was wrong with what it sent; it is told once.
    pub(crate) fn lies(&self, error: &RemoteError) {
        self.fails("send what was asked for", error);
        self.remark(error.to_string());
    }

    /// Something that is no failure is to be told, once.
    pub(crate) fn tells(&self, error: &RemoteError) {
        self.remark(error.to_string());
    }

    /// What is to be told, each once.
    pub(crate) fn remarks(&self) -> Vec<String> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remark(&self, remark: String) {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        if remarks.is_empty() {
            remarks.push(remark);
        }
    }
}
