//! Target of [`fuzz::document`].
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| fuzz::document::check(text));
