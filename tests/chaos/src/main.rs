//! Runs the checker: `scripts/chaos` has the options.

mod clock;
mod controls;
mod coordinator;
mod options;
mod registers;
mod rows;
mod settings;
mod tokens;
mod worker;

use std::error::Error;
use std::process::ExitCode;

use options::{Command, Options};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether the result is the expected one.
fn run(arguments: &[String]) -> Result<bool, Box<dyn Error>> {
    if let [role, assignment] = arguments
        && role == coordinator::WORKER
    {
        worker::work(assignment)?;
        return Ok(true);
    }
    match Options::parse(arguments)? {
        Command::Help => {
            println!("{}", options::help());
            Ok(true)
        }
        Command::Check(path) if path.is_dir() => coordinator::tabulate(&path),
        Command::Check(path) => coordinator::check_file(&path),
        Command::Run(options) => coordinator::run_all(&options),
        Command::Outages(options, outages) => coordinator::measure_all(&options, &outages),
    }
}
