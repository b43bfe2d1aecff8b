//! The command line: dispatch to a command, map errors to exit codes.

mod args;
mod ci;
mod commands;
mod exit;
mod hook;
mod message;
mod run;
mod settings;
mod verification;

use std::process::ExitCode;

use clap::Parser;

use self::{args::Args, exit::Exit};

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are results, not errors.
            let wanted = !error.use_stderr();
            let _ = error.print();
            return if wanted { Exit::Clean } else { Exit::Usage }.into();
        }
    };
    match commands::run(args) {
        Ok(exit) => exit.into(),
        Err(error) if is_closed_pipe(&error) => Exit::Clean.into(),
        Err(error) => {
            message::error(&error);
            Exit::Usage.into()
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_pipe = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(is_pipe))
}
