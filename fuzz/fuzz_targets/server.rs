//! Target of [`fuzz::server`].
#![no_main]

libfuzzer_sys::fuzz_target!(|script: fuzz::server::Script| fuzz::server::check(script));
