//! See `oracle::fuzz::substitute`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::fuzz::substitute(data));
