//! Makes the zip of a commit from a pack on disk, without a network: `from_pack PACK COMMIT ZIP`. It also indexes the
//! pack, as the function does. It prints the milliseconds from the last byte of the pack to the last byte of the zip.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use aws_config::{BehaviorVersion, SdkConfig};
use bytes::Bytes;
use codecommit::aws::Aws;
use codecommit::open::{self, Options};
use codecommit::source::git::{Limits, Pack};
use codecommit::source::{Mode, Source, SourceOptions};
use codecommit::write::{self, Output};
use git_archive::object::ObjectId;

/// The size of a read in bytes.
const CHUNK: usize = 64 << 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pack, commit, zip] = &arguments[..] else { return Err("usage: from_pack PACK COMMIT ZIP".into()) };
    let commit = ObjectId::from_hex(commit.as_bytes())?;
    // The byte budget of the function with 512 MB of memory.
    let options = Options { budget: 128 << 20, reuse_deflate: true, ..Options::default() };
    let last_byte = Arc::new(OnceLock::new());
    let pack = received(File::open(pack)?, &last_byte, &options).await?;
    // These clients are never called, because the pack has everything.
    let aws = Aws::new(SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).build());
    let source = Source::new(&aws, "pack", &SourceOptions { mode: Mode::Git, ..options.source.clone() });
    let checkout = source.checkout(commit).with_pack(pack);
    let commit = checkout.commit().await?;
    let opened = open::open(checkout, commit, &options).await?;
    write::write(opened.contents, &mut Zip(File::create(zip)?), &|_, _| ()).await?;
    let taken = last_byte.get().map_or(0.0, |at: &Instant| at.elapsed().as_secs_f64() * 1000.0);
    writeln!(io::stdout(), "{taken:.1}")?;
    Ok(())
}

async fn received(file: File, last_byte: &Arc<OnceLock<Instant>>, options: &Options) -> Result<Pack, Box<dyn Error>> {
    let SourceOptions { memory, storage, folder, .. } = options.source.clone();
    let limits = Limits { early_deflate: options.early_deflate(), ..Limits::new(memory, storage, folder) };
    let last_byte = Arc::clone(last_byte);
    Ok(tokio::task::spawn_blocking(move || Pack::receive(chunks(file, &last_byte), &limits)).await??)
}

/// Reads a pack in chunks, and notes when the last one was read.
fn chunks(mut file: File, last_byte: &OnceLock<Instant>) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let mut chunk = vec![0; CHUNK];
        let length = file.read(&mut chunk).expect("the pack can be read");
        chunk.truncate(length);
        if length < CHUNK {
            last_byte.get_or_init(Instant::now);
        }
        (length > 0).then(|| chunk.into())
    })
}

struct Zip(File);

impl Output for Zip {
    type Error = io::Error;

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}
