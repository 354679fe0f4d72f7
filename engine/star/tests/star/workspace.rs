//! What WORKSPACE.star says, and what it means for targets.
