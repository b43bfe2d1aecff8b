//! One test program, so that it links once.

mod audit;
mod catalogue;
mod git;
mod hook;
mod output;
mod patterns;
mod runner;
mod threads;
mod tidy;
mod tree;
mod webhook;
mod yard;
