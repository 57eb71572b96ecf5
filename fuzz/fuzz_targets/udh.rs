//! Target of [`fuzz::udh`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::udh::check(input));
