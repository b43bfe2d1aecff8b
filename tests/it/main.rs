//! One test program, so that it links once.

mod webhook;
