//! See `oracle::fuzz::commit`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::fuzz::commit(data));
