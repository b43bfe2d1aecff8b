//! One test program, so that it links once.

mod catalogue;
mod webhook;
