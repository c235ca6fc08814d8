//! The deflate that git itself uses.

/// Deflates as git does: classic zlib at its usual memory level, all at once. Returns `None` if the content would not
/// get smaller.
pub fn zlib(content: &[u8], level: u8) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(content.len());
    let mut compress = flate2::Compress::new(flate2::Compression::new(level.into()), false);
    let status = compress.compress_vec(content, &mut out, flate2::FlushCompress::Finish).expect("there is memory");
    (status == flate2::Status::StreamEnd && out.len() < content.len()).then_some(out)
}
