//! Target of [`fuzz::deliver`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::deliver::check(input));
