//! See `oracle::fuzz::attributes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::fuzz::attributes(data));
