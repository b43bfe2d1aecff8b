//! `stanch completions`, `stanch man`, `stanch version`: what packages ship beside the program.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use stanch::{report::json::SCHEMA, rules::RuleSet};

use crate::cli::{args::Args, exit::Exit};

// `stanch completions`.
#[derive(clap::Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

// `stanch man`.
#[derive(clap::Args, Debug)]
pub(crate) struct ManArgs {
    /// Write a page for every command into this directory; else the main page goes to standard output
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
}

// `stanch version`.
#[derive(clap::Args, Debug)]
pub(crate) struct VersionArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Writes a completion script.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "stanch", &mut text);
    print(&text)
}

/// Writes manual pages.
pub(crate) fn man(args: &ManArgs) -> Result<Exit> {
    let mut command = Args::command();
    command.build();
    if let Some(directory) = &args.dir {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        pages(&command, "stanch", directory)?;
        return Ok(Exit::Clean);
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    print(&text)
}

fn pages(command: &clap::Command, name: &str, directory: &Path) -> Result<()> {
    let file = directory.join(format!("{name}.1"));
    let mut text = Vec::new();
    let named: &'static str = Box::leak(name.to_owned().into_boxed_str());
    clap_mangen::Man::new(command.clone().name(named)).render(&mut text)?;
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        pages(below, &format!("{name}-{}", below.get_name()), directory)?;
    }
    Ok(())
}

/// Says which program this is, exactly enough to compare two scans.
pub(crate) fn version(args: &VersionArgs) -> Result<Exit> {
    let rules = RuleSet::builtin();
    let digest: String = rules.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    let version = env!("CARGO_PKG_VERSION");
    let text = if args.json {
        let shown = serde_json::json!({
            "name": "stanch", "version": version, "rules": rules.len(), "rules_digest": digest, "report_schema": SCHEMA,
            "os": std::env::consts::OS, "arch": std::env::consts::ARCH,
        });
        format!("{shown:#}\n")
    } else {
        format!(
            "stanch {version}, {} rules ({}), {} {}\n",
            rules.len(),
            &digest[..12],
            std::env::consts::OS,
            std::env::consts::ARCH
        )
    };
    print(text.as_bytes())
}

fn print(bytes: &[u8]) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())?;
    Ok(Exit::Clean)
}
