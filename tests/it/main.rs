//! One test program, so that it links once.

mod hook;
mod runner;
