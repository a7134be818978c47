//! The subcommands, one file each: plain arguments in, an answer out.

mod authenticate;
mod backup;
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
mod key;
mod life;
mod log;
mod man;
mod membership;
mod prove;
mod receipt;
mod record;
mod serve;
mod simulate;
mod status;
mod subject;
mod threshold;
mod verify;

use std::path::Path;

use crate::args::{Command, PolicyCommand, Recover, Retention, Review};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs one subcommand.
pub(crate) fn run(command: Command, output: Output) -> Result<Exit, Failure> {
    let changed = changed_registry(&command).map(Path::to_owned);
    let answer = answer(command, output);
    // Whatever came of it: a folder of people of whom one failed has others who are in.
    if let Some(registry) = changed {
        log::follow(&registry, output);
    }
    answer
}

/// The registry that a command may have changed, so that its log has to follow.
fn changed_registry(command: &Command) -> Option<&Path> {
    let registry = match command {
        Command::Enroll(args) => &args.registry,
        Command::Recover(Recover::Complete(args)) => &args.registry,
        Command::Refresh(args) => &args.registry,
        Command::Suspend(args) | Command::Reinstate(args) | Command::Revoke(args) => &args.registry,
        Command::Renew(args) => &args.registry,
        Command::Erase(args) => &args.registry,
        Command::Retention(Retention::Run { registry, dry_run: false, .. }) => registry,
        Command::Review(Review::Decide { registry, .. }) => registry,
        Command::Policy(PolicyCommand::Set(args)) => &args.registry,
        _ => return None,
    };
    Some(&registry.registry)
}

fn answer(command: Command, output: Output) -> Result<Exit, Failure> {
    match command {
        Command::Authenticate(args) => authenticate::run(&args, output),
        Command::Backup(args) => backup::run(&args, output),
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
        Command::Log(args) => log::run(&args, output),
        Command::Key(args) => key::run(&args, output),
        Command::Man(args) => man::run(&args, output),
        Command::Membership(args) => membership::run(&args, output),
        Command::Prove(args) => prove::run(&args, output),
        Command::Receipt(args) => receipt::run(&args, output),
        Command::Record(args) => record::run(&args, output),
        Command::Serve(args) => serve::run(&args, output),
        Command::Simulate(args) => simulate::run(&args, output),
        Command::Status(args) => status::run(&args, output),
        Command::Subject(args) => subject::run(&args, output),
        Command::Threshold(args) => threshold::run(&args, output),
        Command::Check(args) => life::rules::check(&args, output),
        Command::Decisions(args) => life::rules::decisions(&args, output),
        Command::Erase(args) => life::erasing::erase(&args, output),
        Command::Operator(args) => life::rules::operator(&args, output),
        Command::Policy(args) => life::rules::policy(&args, output),
        Command::Recover(args) => life::people::recover(&args, output),
        Command::Refresh(args) => life::people::refresh(&args, output),
        Command::Reinstate(args) => life::people::reinstate(&args, output),
        Command::Renew(args) => life::people::renew(&args, output),
        Command::Review(args) => life::review::run(&args, output),
        Command::Retention(args) => life::erasing::retention(&args, output),
        Command::Revoke(args) => life::people::revoke(&args, output),
        Command::Station(args) => life::station::run(&args, output),
        Command::Suspend(args) => life::people::suspend(&args, output),
        Command::Verify(args) => verify::run(&args, output),
    }
}
