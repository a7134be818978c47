//! The subcommands, one file each: plain arguments in, an answer out.

mod authenticate;
mod bench;
mod compare;
mod completions;
mod dedup;
mod demo;
mod encode;
mod enroll;
mod evaluate;
mod eyes;
mod identify;
mod identity;
mod init;
mod life;
mod man;
mod prove;
mod record;
mod simulate;
mod status;
mod verify;

use crate::args::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs one subcommand.
pub(crate) fn run(command: Command, output: Output) -> Result<Exit, Failure> {
    match command {
        Command::Authenticate(args) => authenticate::run(&args, output),
        Command::Bench(args) => bench::run(&args, output),
        Command::Compare(args) => compare::run(&args, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Dedup(args) => dedup::run(&args, output),
        Command::Demo(args) => demo::run(&args, output),
        Command::Encode(args) => encode::run(&args, output),
        Command::Enroll(args) => enroll::run(&args, output),
        Command::Evaluate(args) => evaluate::run(&args, output),
        Command::Eyes(args) => eyes::run(&args, output),
        Command::Identify(args) => identify::run(&args, output),
        Command::Identity(args) => identity::run(&args, output),
        Command::Init(args) => init::run(&args, output),
        Command::Man(args) => man::run(&args, output),
        Command::Prove(args) => prove::run(&args, output),
        Command::Record(args) => record::run(&args, output),
        Command::Simulate(args) => simulate::run(&args, output),
        Command::Status(args) => status::run(&args, output),
        Command::Check(args) => life::rules::check(&args, output),
        Command::Decisions(args) => life::rules::decisions(&args, output),
        Command::Erase(args) => life::people::erase(&args, output),
        Command::Operator(args) => life::rules::operator(&args, output),
        Command::Policy(args) => life::rules::policy(&args, output),
        Command::Recover(args) => life::people::recover(&args, output),
        Command::Refresh(args) => life::people::refresh(&args, output),
        Command::Reinstate(args) => life::people::reinstate(&args, output),
        Command::Renew(args) => life::people::renew(&args, output),
        Command::Review(args) => life::review::run(&args, output),
        Command::Revoke(args) => life::people::revoke(&args, output),
        Command::Suspend(args) => life::people::suspend(&args, output),
        Command::Verify(args) => verify::run(&args, output),
    }
}
