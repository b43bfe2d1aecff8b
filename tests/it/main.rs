//! One test program, so that it links once.

mod git;
mod output;
mod patterns;
mod runner;
mod threads;
mod tidy;
mod tree;
mod webhook;
