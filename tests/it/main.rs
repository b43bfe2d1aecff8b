//! One test program, so that it links once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod assets;
mod audit;
mod baseline;
mod catalogue;
mod ci;
mod git;
mod hook;
mod import;
mod judge;
mod output;
mod page;
mod patterns;
mod reaudit;
mod recall;
mod runner;
mod threads;
mod tidy;
mod tree;
mod verify;
mod webhook;
mod yard;
