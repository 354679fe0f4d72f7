//! Keys: what changes them and what does not.
