//! Push after push: the entries copied from the archive at the key, the requests, and a result that always equals a
//! build without the cache.

mod changes;
mod difference;
mod elsewhere;
mod hostile;
mod scattered;

use codecommit::open::Options;
use codecommit::source;
use codecommit_multibranch::deliver::Run;
use emulator::Service;
use git_archive::object::ObjectId;

use crate::world::{BRANCH, BUCKET, KEY, World, pushed};
use oracle::zip as listing;
use oracle::{CommitText, Repository, Tree, strip};

/// Makes a world with default settings, except for these.
fn world(tree: &Tree, settings: &[(&str, &str)]) -> World {
    World::with(Repository::import(&tree.commit(BRANCH, &CommitText::default())), settings)
}

impl World {
    /// Makes a tree the next commit of a branch.
    fn commit(&self, reference: &str, tree: &Tree) -> ObjectId {
        self.import(&tree.commit(reference, &CommitText::default()));
        self.repository.id(reference)
    }

    fn import(&self, stream: &[u8]) {
        self.repository.run(&["fast-import", "--quiet", "--date-format=raw-permissive", "--force"], stream);
    }

    /// Delivers a commit with its own event, and forgets earlier requests.
    async fn deliver(&self, reference: &str, commit: ObjectId) -> (Run, Vec<u8>) {
        self.repository.run(&["update-ref", reference, &commit.to_string()], b"");
        self.emulator.clear_requests();
        let id = format!("{reference} {commit} {}", self.executions().len());
        let run = self.started(pushed(&id, &[(reference, commit)])).await;
        let zip = self.zip(&run.version_id);
        (run, zip)
    }

    /// Makes a tree the next commit of [`BRANCH`] and delivers it.
    async fn next(&self, tree: &Tree) -> (ObjectId, Vec<u8>) {
        let commit = self.commit(BRANCH, tree);
        (commit, self.deliver(BRANCH, commit).await.1)
    }

    /// Returns the zip of a commit, made with the cache on but without an earlier archive.
    async fn cold(&self, commit: ObjectId) -> Vec<u8> {
        let source =
            source::SourceOptions { git_url: Some(self.emulator.git_url()), ..source::SourceOptions::default() };
        self.archive(commit, &Options { source, tagged: true, ..Options::default() }).await
    }

    /// Returns the number of all requests to `CodeCommit`, including Git's.
    fn asked(&self) -> usize {
        let requests = self.emulator.requests();
        requests.iter().filter(|request| matches!(request.service, Service::CodeCommit | Service::Git)).count()
    }

    /// Returns the number of bytes that S3 has sent.
    fn read_back(&self) -> u64 {
        let requests = self.emulator.requests();
        requests.iter().filter(|request| request.operation == "GetObject").map(|request| request.bytes_out).sum()
    }

    /// Puts an object at the key that the pipeline reads.
    async fn place(&self, object: impl Into<Vec<u8>>) {
        let body = object.into().into();
        self.aws.s3.put_object().bucket(BUCKET).key(KEY).body(body).send().await.expect("the bucket is there");
    }

    /// Checks that the zip without the cache's fields is git's, field by field. Only the choice to deflate a few
    /// bytes may differ.
    #[track_caller]
    fn assert_is_gits(&self, zip: &[u8], commit: ObjectId) {
        let [mut ours, mut gits] =
            [strip::without_tags(zip), self.repository.zip(&[], &commit.to_string())].map(|zip| listing::read(&zip));
        ours.0.iter_mut().chain(&mut gits.0).for_each(|row| row.method = 0);
        assert_eq!(ours, gits);
    }
}
