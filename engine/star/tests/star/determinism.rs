//! The number of threads changes nothing.
