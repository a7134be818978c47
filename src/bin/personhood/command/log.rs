//! `personhood log`: the transparency log as its operator, its witnesses, relying parties and auditors use it.

mod operator;
mod reader;
mod witness;

use crate::args::{Log, LogCosign, LogWitness};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) use operator::{folder_of, follow};

pub(crate) fn run(args: &Log, output: Output) -> Result<Exit, Failure> {
    match args {
        Log::Init(args) => operator::init(args, output),
        Log::Append(args) => operator::append(args, output),
        Log::Status(args) => reader::status(args, output),
        Log::Verify(args) => reader::verify(args, output),
        Log::Prove(args) => reader::prove(args, output),
        Log::Bundle(args) => reader::bundle(args, output),
        Log::Check(args) => reader::check(args, output),
        Log::Cosign(LogCosign::Request(args)) => operator::request(args, output),
        Log::Cosign(LogCosign::Add(args)) => operator::add(args, output),
        Log::Witness(LogWitness::Init { folder, name }) => witness::init(folder, name, output),
        Log::Witness(LogWitness::Add { folder, log }) => witness::add(folder, log, output),
        Log::Witness(LogWitness::Cosign { folder, request, out }) => {
            witness::cosign(folder, request, out.as_deref(), output)
        }
    }
}
