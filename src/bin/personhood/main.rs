//! The program `personhood`: from a picture of an eye to a proof that another program accepts.
//!
//! Arguments become plain data ([`args`]), a command turns them into objects of the library and acts ([`command`]), and what
//! it found goes out as text or JSON ([`output`]) and as an exit code ([`exit`]). A [`failure::Failure`] is all that can go
//! wrong on the way.

mod address;
mod args;
mod capture;
mod clock;
mod command;
mod erasures;
mod exit;
mod eye;
mod failure;
mod files;
mod keys;
mod output;
mod pictures;
mod place;
mod record;
mod report;
mod values;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Environment, Global};
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let environment = Environment::read();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &environment),
    };
    keys::choose(cli.global.master_key.clone());
    let output = Output::new(cli.command.name(), &cli.global, environment.no_colour);
    command::run(cli.command, output).unwrap_or_else(|failure| output.stopped(&failure)).into()
}

/// Help and version are answers; anything else is a command line that made no sense, in JSON where JSON was asked for.
fn refuse(error: &clap::Error, environment: &Environment) -> ExitCode {
    let asked_for_json = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && asked_for_json {
        let global = Global { json: true, quiet: false, master_key: None };
        let message = error.to_string();
        let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let failure = Failure::new("usage", message).with_hint("`personhood help` lists commands and options");
        return Output::new("personhood", &global, environment.no_colour).stopped(&failure).into();
    }
    // A reader that went away does not make help an error.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
