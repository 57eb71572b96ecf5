//! Target of [`fuzz::coding`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::coding::check(input));
