//! See `oracle::fuzz::pathspecs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::fuzz::pathspecs(data));
