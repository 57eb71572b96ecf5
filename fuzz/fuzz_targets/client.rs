//! Target of [`fuzz::client`].
#![no_main]

libfuzzer_sys::fuzz_target!(|script: fuzz::client::Script| fuzz::client::check(script));
