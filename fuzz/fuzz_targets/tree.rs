//! See `oracle::fuzz::tree`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::fuzz::tree(data));
