//! The whole archive over the API. With classic zlib, it equals the output of `git archive` byte for byte, and the
//! crate `zip` can read it.

use std::io::Cursor;

use bstr::ByteSlice as _;
use codecommit::Archive;
use oracle::zip::{self as listing, assert_equal_bytes};
use oracle::{BRANCH, CommitText, Random, Repository, Tree, every_kind, noise, trials, zlib};

use crate::endpoint::{Endpoint, in_time};

fn serving(repository: &Repository) -> Endpoint {
    let endpoint = Endpoint::start();
    endpoint.serve("demo", repository.path());
    endpoint
}

fn of<'a>(endpoint: &'a Endpoint, treeish: &str) -> Archive<'a> {
    codecommit::Repository::new(&endpoint.aws, "demo").archive(treeish)
}

async fn zip(archive: Archive<'_>) -> Vec<u8> {
    in_time(Box::pin(archive.to_vec())).await.expect("it can be archived").0
}

fn open(zip: Vec<u8>) -> zip::ZipArchive<Cursor<Vec<u8>>> {
    zip::ZipArchive::new(Cursor::new(zip)).expect("a zip")
}

#[tokio::test]
async fn with_zlib_the_stream_is_byte_for_byte_gits() {
    let repository = Repository::import(&every_kind().commit(BRANCH, &CommitText::default()));
    let endpoint = serving(&repository);
    for (arguments, prefix, level) in [
        (&["-6"][..], "", 6),
        (&["-0"], "", 0),
        (&["-1", "--prefix=p/"], "p/", 1),
        (&["-9", "--prefix=q//r"], "q//r", 9),
    ] {
        let archive = of(&endpoint, BRANCH).prefix(prefix).level(level).deflate(zlib);
        let ours = zip(archive).await;
        let mut arguments = arguments.to_vec();
        arguments.splice(0..0, ["archive", "--format=zip"]);
        arguments.push(BRANCH);
        assert_equal_bytes(&ours, &repository.run(&arguments, b""), &format!("{arguments:?}"));
    }
}

#[tokio::test]
async fn random_trees_are_byte_for_byte_gits() {
    let mut stream = Vec::new();
    let branches: Vec<String> = (0..trials(12)).map(|trial| format!("refs/heads/t{trial}")).collect();
    for (trial, branch) in (0..).zip(&branches) {
        let mut random = Random::of("zip", trial);
        let mut tree = Tree::random(&mut random);
        tree.add("text", "100644", "words and words\n".repeat(random.below(500)));
        tree.add("noise", "100644", noise(random.below(9000)));
        tree.add("nul at the edge", "100644", [vec![b'x'; 7_990 + random.below(20)], vec![0]].concat());
        stream.extend(tree.commit(branch, &CommitText::default()));
    }
    let repository = Repository::import(&stream);
    let endpoint = serving(&repository);
    for branch in &branches {
        let ours = zip(of(&endpoint, branch).deflate(zlib)).await;
        assert_equal_bytes(&ours, &repository.zip(&[], branch), branch);
    }
}

/// Another library's inflate can read the default deflate, which gives the same bytes each time.
#[tokio::test]
async fn what_ships_is_read_by_others_and_deterministic() {
    let repository = Repository::import(&every_kind().commit(BRANCH, &CommitText::default()));
    let endpoint = serving(&repository);
    let ours = zip(of(&endpoint, BRANCH)).await;
    let again = zip(of(&endpoint, BRANCH).budget(1)).await;
    assert_equal_bytes(&ours, &again, "twice");
    let gits = repository.zip(&[], BRANCH);
    listing::assert_same(&ours, &gits);
    let (mut ours, mut gits) = (open(ours), open(gits));
    assert_eq!(ours.comment(), gits.comment());
    for index in 0..gits.len() {
        let (mut our, mut git) = (ours.by_index(index).unwrap(), gits.by_index(index).unwrap());
        assert_eq!((our.name_raw(), our.unix_mode(), our.crc32()), (git.name_raw(), git.unix_mode(), git.crc32()));
        let (mut left, mut right) = (Vec::new(), Vec::new());
        std::io::copy(&mut our, &mut left).unwrap();
        std::io::copy(&mut git, &mut right).unwrap();
        assert!(left == right, "{:?}", our.name_raw().as_bstr());
    }
}
