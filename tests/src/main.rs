//! Headland.
fn main() {}
