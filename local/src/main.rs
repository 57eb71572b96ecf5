//! `local`: see `local --help`.

fn main() -> std::process::ExitCode {
    local::cli::main()
}
