//! Makes the zip of a commit from a pack on disk, without a network: `from_pack PACK COMMIT ZIP`. It also indexes the
//! pack, as the function does.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};

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
    // What the function has with 512 MB of memory.
    let options = Options { budget: 128 << 20, reuse_deflate: true, ..Options::default() };
    let pack = received(File::open(pack)?, &options.source).await?;
    // These clients are never called, because the pack has everything.
    let aws = Aws::new(SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).build());
    let source = Source::new(&aws, "pack", &SourceOptions { mode: Mode::Git, ..options.source.clone() });
    let checkout = source.checkout(commit).with_pack(pack);
    let commit = checkout.commit().await?;
    let opened = open::open(checkout, commit, &options).await?;
    write::write(opened.contents, &mut Zip(File::create(zip)?), &|_, _| ()).await?;
    Ok(())
}

async fn received(file: File, settings: &SourceOptions) -> Result<Pack, Box<dyn Error>> {
    let limits = Limits::new(settings.memory, settings.storage, settings.folder.clone());
    Ok(tokio::task::spawn_blocking(move || Pack::receive(chunks(file), &limits)).await??)
}

fn chunks(mut file: File) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let mut chunk = vec![0; CHUNK];
        let length = file.read(&mut chunk).expect("the pack can be read");
        chunk.truncate(length);
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
