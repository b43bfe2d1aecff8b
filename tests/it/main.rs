//! One test program, so that it links once.

mod audit;
mod baseline;
mod catalogue;
mod ci;
mod git;
mod hook;
mod import;
mod output;
mod patterns;
mod runner;
mod threads;
mod tidy;
mod tree;
mod webhook;
mod yard;
