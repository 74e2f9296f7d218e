//! Headland.
