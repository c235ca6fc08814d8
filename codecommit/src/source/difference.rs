//! The difference between a commit and the commit of the previous archive, fetched over Git.
//!
//! If a push changes thousands of files (for example a merge of the trunk), the API would need a request for each of
//! them, and a whole fetch would transfer the unchanged files too. With the difference, the server sends only what has
//! changed, as deltas on earlier objects. The previous archive has those bases: blobs by their ids, and trees, which
//! are recomputed from its directory. A folder with files that are left out of the archive (`export-ignore`) cannot be
//! recomputed, so the API lists it.
//!
//! Nothing is trusted: every id is computed from the content. If a base is missing, this fetch was useless, and
//! everything is fetched.

use std::collections::HashSet;

use bstr::{BString, ByteSlice};
use futures_util::future::try_join_all;

use super::error::SourceError;
use super::git::{ObjectKind, Pack, PackError, ThinPack};
use super::listing::join;
use super::options::Mode;
use super::previous::Previous;
use super::repository::Source;
use crate::blocking;
use crate::causes::with_causes;
use git_archive::central_directory::Folder;
use git_archive::object::{Kind, ObjectId, hash};

/// The largest number of folders and files that are requested because the previous archive lacks them.
const REQUESTS: usize = 64;

/// Fetches the objects of a commit that the previous archive's commit does not have. Returns `None` if that is not
/// possible: then everything has to be fetched.
pub(super) async fn fetch(source: &Source, previous: &Previous, commit: ObjectId) -> Option<Pack> {
    let base_commit = previous.commit().filter(|base_commit| *base_commit != commit)?;
    let fetched = Difference { source, previous, commit, base_commit }.fetch().await;
    fetched.unwrap_or_else(|error| {
        tracing::warn!(error = with_causes(&error), %base_commit, "the difference cannot be fetched, so everything is");
        None
    })
}

struct Difference<'a> {
    source: &'a Source,
    previous: &'a Previous,
    commit: ObjectId,
    /// The commit of the previous archive.
    base_commit: ObjectId,
}

impl Difference<'_> {
    async fn fetch(&self) -> Result<Option<Pack>, SourceError> {
        let Some(remote) = &self.source.git else { return Ok(None) };
        let Some(mut thin) = remote.fetch_difference(self.commit, self.base_commit, &self.source.limits).await? else {
            return Ok(None);
        };
        let directory = self.previous.directory();
        thin = blocking::run(move || with_trees(thin, directory.folders.values())).await?;
        let mut left = REQUESTS;
        let unknown = self.unknown_folders(&mut left).await?;
        thin = blocking::run(move || with_trees(thin, &unknown)).await?;
        self.add_old_bases(&mut thin).await?;
        // Many deltas are on objects of the pack, whose ids are known only now.
        thin = blocking::run(move || thin.resolved()).await?;
        self.request_bases(&mut thin, &mut left).await?;
        Ok(Some(blocking::run(move || Pack::complete(thin)).await?))
    }

    /// Adds the bases of deltas that the previous archive has, in its order.
    async fn add_old_bases(&self, thin: &mut ThinPack) -> Result<(), SourceError> {
        let place = |id: ObjectId| self.previous.find(id, false).map(|located| (located.start, id));
        let mut bases: Vec<_> = thin.missing().into_iter().filter_map(place).collect();
        bases.sort_unstable();
        if !bases.is_empty() {
            // The copy of what has not changed is another pass.
            self.previous.allow_pass();
        }
        for (_, id) in bases {
            if let Some(content) = self.previous.content(id, false).await {
                thin.add(ObjectKind::Blob, &content)?;
            }
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// Adds the bases that are still missing, as far as requests are left.
    async fn request_bases(&self, thin: &mut ThinPack, left: &mut usize) -> Result<(), SourceError> {
        for id in thin.missing() {
            if !self.asks_api(left) {
                break;
            }
            thin.add(ObjectKind::Blob, &self.source.api.blob(id, None).await?)?;
        }
        Ok(())
    }

    /// Lists the folders of the earlier commit whose trees the previous archive does not have.
    async fn unknown_folders(&self, left: &mut usize) -> Result<Vec<Folder>, SourceError> {
        let mut unknown = Vec::new();
        if !self.asks_api(left) {
            return Ok(unknown);
        }
        let mut level = vec![(BString::default(), self.source.api.commit(self.base_commit).await?.tree)];
        let mut seen = HashSet::new();
        while !level.is_empty() {
            level.retain(|(_, tree)| self.previous.folder(*tree).is_none() && seen.insert(*tree));
            level.retain(|_| self.asks_api(left));
            let listing =
                level.iter().map(|(path, tree)| self.source.api.folder(self.base_commit, path.as_bstr(), *tree));
            let folders = try_join_all(listing).await?;
            level = level.iter().zip(&folders).flat_map(|((path, _), folder)| subfolders(path, folder)).collect();
            unknown.extend(folders);
        }
        Ok(unknown)
    }

    /// Returns whether one more request to the API is allowed, and counts it.
    fn asks_api(&self, left: &mut usize) -> bool {
        let may_ask = self.source.mode() != Mode::Git && *left > 0;
        *left -= usize::from(may_ask);
        may_ask
    }
}

fn with_trees<'a>(mut thin: ThinPack, folders: impl IntoIterator<Item = &'a Folder>) -> Result<ThinPack, PackError> {
    folders.into_iter().try_for_each(|folder| thin.add(ObjectKind::Tree, &hash::tree(folder)))?;
    Ok(thin)
}

fn subfolders(path: &BString, folder: &Folder) -> Vec<(BString, ObjectId)> {
    let folders = folder.iter().filter(|(kind, _, _)| *kind == Kind::Directory);
    folders.map(|(_, name, id)| (join(path.as_bstr(), name.as_bstr()), *id)).collect()
}
