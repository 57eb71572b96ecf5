//! `gatewayctl`: see `--help`.

use std::process::ExitCode;

use clap::Parser as _;
use gatewayctl::cli::Cli;
use gatewayctl::commands;

#[tokio::main]
#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(&cli).await {
        Ok(text) => {
            println!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if cli.json {
                println!("{}", failure.json());
            } else {
                eprintln!("{failure}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}
