//! Whole actions of small workspaces.
