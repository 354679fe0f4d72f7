//! Which descriptors the sandbox's first process starts with: 0, 1 and 2, the
//! init's report, those handed to the program, and the init itself. Everything else
//! is closed. Unaware of what they lead to.

use std::os::fd::RawFd;

use rustix::io::Result;

use crate::plan::MOST_INHERITED;
use crate::sys;

/// The descriptors as this process numbers them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Descriptors<'a> {
    /// Standard input, output and error.
    pub(crate) standard: [RawFd; 3],
    /// Where the init reports.
    pub(crate) report: RawFd,
    /// The program to be handed from 4 on.
    pub(crate) inherited: &'a [RawFd],
    /// The init's image.
    pub(crate) init: RawFd,
}

impl Descriptors<'_> {
    /// Arranges them and closes all others; gives the number of the init's image,
    /// which closes by itself on exec. For the child only: it owns its table.
    pub(crate) fn arrange(&self) -> Result<RawFd> {
        const MOST: usize = 4 + MOST_INHERITED + 1;
        let [input, output, error] = self.standard;
        // The report's place is `init::REPORT_FD`.
        let wanted = [input, output, error, self.report];
        let wanted = wanted.iter().chain(self.inherited).chain([&self.init]);
        // First out of the way, since a source may have the number of a target.
        let mut copies = [0; MOST];
        let mut count = 0;
        for (copy, &descriptor) in copies.iter_mut().zip(wanted) {
            *copy = sys::duplicate_above(descriptor, MOST as RawFd)?;
            count += 1;
        }
        let mut target = 0;
        for &copy in copies.iter().take(count) {
            let is_init = target + 1 == count as RawFd;
            sys::duplicate_to(copy, target, if is_init { libc::O_CLOEXEC } else { 0 })?;
            target += 1;
        }
        sys::close_from(target)?;
        Ok(target - 1)
    }
}
