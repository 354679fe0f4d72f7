//! What an analysis says it has read.
