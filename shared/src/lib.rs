//! What Headland's agents and hubs must agree on.
#![no_std]
extern crate alloc;
