//! See `oracle::fuzz::central_directory`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::fuzz::central_directory(data));
