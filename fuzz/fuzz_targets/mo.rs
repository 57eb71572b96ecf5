//! Target of [`fuzz::mo`].
#![no_main]

libfuzzer_sys::fuzz_target!(|script: fuzz::mo::Script| fuzz::mo::check(script));
