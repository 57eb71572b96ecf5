//! Target of [`fuzz::folded`].
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| fuzz::folded::check(text));
