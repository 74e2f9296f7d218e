//! A record as a reader sees it.
