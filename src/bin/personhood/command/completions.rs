//! `personhood completions`: a completion script on standard output.

use clap::CommandFactory as _;

use crate::args::{Cli, Completions};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(args: &Completions, output: Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "personhood", &mut script);
    output.data(&script)?;
    Ok(Exit::Yes)
}
