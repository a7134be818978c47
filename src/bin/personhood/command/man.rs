//! `personhood man`: manual pages made from the same description as `--help`.

use std::path::Path;

use clap::CommandFactory as _;

use crate::args::{Cli, Man};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;

pub(crate) fn run(args: &Man, output: Output) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.build();
    match &args.out {
        None => output.data(&page(&command)?)?,
        Some(folder) => {
            files::make_folder(folder)?;
            write_pages(&command, folder, output)?;
        }
    }
    Ok(Exit::Yes)
}

/// One page for `command` and one for each command below it, named as `man` looks for them.
fn write_pages(command: &clap::Command, folder: &Path, output: Output) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    files::write(&folder.join(format!("{name}.1")), &page(command)?, output)?;
    command
        .get_subcommands()
        .filter(|below| below.get_name() != "help")
        .try_for_each(|below| write_pages(below, folder, output))
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| Failure::new("internal", format!("the manual page does not render: {error}")))?;
    Ok(page)
}
