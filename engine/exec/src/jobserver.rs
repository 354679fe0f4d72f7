//! Tokens by which the `make`s of all running actions share the machine, handed to
//! them as GNU make's jobserver (its manual, "POSIX Jobserver Interaction").
//!
//! An action's own process needs no token: the scheduler's limit counts it. The rest
//! lie in one pipe. An action that is killed may take tokens with it, so the pipe is
//! filled anew whenever nothing runs. Unaware of keys, of which it is no part.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::pipe::{PipeFlags, pipe_with};

/// The variable that tells `make` about the pipe. Descriptors 4 and 5 are the first
/// that a sandbox inherits.
pub(crate) const VARIABLE: (&str, &str) = ("MAKEFLAGS", " -j --jobserver-auth=4,5");

/// The pipe and its tokens.
#[derive(Debug)]
pub(crate) struct Jobserver {
    read: Arc<OwnedFd>,
    write: Arc<OwnedFd>,
    tokens: usize,
    running: Mutex<usize>,
}

impl Jobserver {
    /// A jobserver for `jobs` processes at once beside the actions' own.
    pub(crate) fn new(jobs: usize) -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        // A pipe holds 64 KiB by default; no machine has so many cores.
        let tokens = jobs.saturating_sub(1).min(4096);
        Ok(Self { read: Arc::new(read), write: Arc::new(write), tokens, running: Mutex::new(0) })
    }

    /// Lets an action take part until the guard is dropped.
    pub(crate) fn join(&self) -> io::Result<Seat<'_>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *running == 0 {
            self.refill()?;
        }
        *running += 1;
        Ok(Seat { jobserver: self })
    }

    /// Puts exactly all tokens into the pipe, which nobody uses.
    fn refill(&self) -> io::Result<()> {
        rustix::io::ioctl_fionbio(&self.read, true)?;
        let mut buffer = [0; 4096];
        while rustix::io::read(&self.read, &mut buffer).is_ok_and(|count| count > 0) {}
        rustix::io::ioctl_fionbio(&self.read, false)?;
        rustix::io::write(&self.write, &vec![b'+'; self.tokens])?;
        Ok(())
    }
}

/// An action's place at the jobserver.
#[derive(Debug)]
pub(crate) struct Seat<'a> {
    jobserver: &'a Jobserver,
}

impl Seat<'_> {
    /// The two ends of the pipe, to be inherited in this order.
    pub(crate) fn descriptors(&self) -> Vec<Arc<OwnedFd>> {
        vec![Arc::clone(&self.jobserver.read), Arc::clone(&self.jobserver.write)]
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        *self.jobserver.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(jobserver: &Jobserver) -> usize {
        rustix::io::ioctl_fionread(&jobserver.read).map_or(0, |count| usize::try_from(count).unwrap_or(0))
    }

    #[test]
    fn lost_tokens_come_back_when_nothing_runs() {
        let jobserver = Jobserver::new(4).unwrap();
        let first = jobserver.join().unwrap();
        assert_eq!(tokens(&jobserver), 3);
        let mut token = [0];
        rustix::io::read(&jobserver.read, &mut token).unwrap();
        let second = jobserver.join().unwrap();
        assert_eq!(tokens(&jobserver), 2);
        drop(first);
        drop(second);
        let _third = jobserver.join().unwrap();
        assert_eq!(tokens(&jobserver), 3);
    }
}
