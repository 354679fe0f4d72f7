//! Threads for work that is done while a lock is held.
//!
//! A thread of a pool that waits for others takes up other work of that pool. If
//! that work wants a lock which the thread itself holds, both wait for ever. So
//! locks are taken outside this pool, and nothing in it waits for one. Unaware of
//! the work.

use std::io;
use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Runs `work`, which may use all cores but takes no lock that its caller might hold.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    let pool = match POOL.get() {
        Some(pool) => pool,
        None => {
            let name = |index| format!("wiz-store-{index}");
            let made = ThreadPoolBuilder::new().thread_name(name).build().map_err(io::Error::other)?;
            POOL.get_or_init(|| made)
        }
    };
    Ok(pool.install(work))
}

/// Runs `work` on a thread that takes up nothing else while it waits.
pub(crate) fn outside_pools<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if rayon::current_thread_index().is_none() {
        return work();
    }
    std::thread::scope(|scope| {
        scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
