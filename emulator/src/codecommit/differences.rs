//! `GetDifferences`, from `git diff-tree`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::input::{Input, with_token};
use super::revision::{self, EMPTY_TREE, TreeEntry};
use crate::error::ServiceError;
use crate::git;
use crate::repository::Repository;

/// The last differences of each repository: a client that pages asks for the same ones again.
#[derive(Default)]
pub(super) struct DifferenceCache(Mutex<HashMap<String, CachedDifferences>>);

struct CachedDifferences {
    sides: Sides,
    differences: Arc<Vec<Value>>,
}

/// The two compared tree entries with their paths.
#[derive(Clone, PartialEq, Eq)]
struct Sides {
    before: Option<TreeEntry>,
    after: Option<TreeEntry>,
    before_path: String,
    after_path: String,
}

pub(super) async fn get(
    cache: &DifferenceCache,
    repository: &Repository,
    input: &Input,
    page_size: usize,
) -> Result<Value, ServiceError> {
    let size = match input.number("MaxResults")? {
        None => page_size,
        Some(limit) => usize::try_from(limit).ok().filter(|&limit| limit > 0).ok_or_else(|| {
            ServiceError::new("InvalidMaxResultsException", format!("MaxResults must be positive, not {limit}"))
        })?,
    };
    let sides = sides(repository, input).await?;
    let of = format!("differences {}", sides.name());
    let differences = differences(cache, repository, sides).await?;
    let (page, next) = input.page("NextToken", &of, differences.iter().collect(), size)?;
    Ok(with_token(json!({ "differences": page }), "NextToken", next))
}

/// Reads both sides. Without a previous commit everything counts as added; a single path applies to both sides.
async fn sides(repository: &Repository, input: &Input) -> Result<Sides, ServiceError> {
    let after = input
        .text("afterCommitSpecifier")?
        .ok_or_else(|| ServiceError::new("CommitRequiredException", "A commit was not specified."))?;
    let (before_path, after_path) = (input.path("beforePath")?, input.path("afterPath")?);
    let before_path = before_path.or(after_path).unwrap_or_default().to_owned();
    let after_path = after_path.unwrap_or(&before_path).to_owned();
    let after = revision::commit(repository, Some(after)).await?.tree;
    let before = match input.text("beforeCommitSpecifier")? {
        Some(before) => revision::commit(repository, Some(before)).await?.tree,
        None => EMPTY_TREE.to_owned(),
    };
    let before = revision::entry(repository, &before, &before_path).await?;
    let after = revision::entry(repository, &after, &after_path).await?;
    if before.is_none() && after.is_none() {
        return Err(ServiceError::new("PathDoesNotExistException", format!("The path {after_path} does not exist")));
    }
    Ok(Sides { before, after, before_path, after_path })
}

async fn differences(
    cache: &DifferenceCache,
    repository: &Repository,
    sides: Sides,
) -> Result<Arc<Vec<Value>>, ServiceError> {
    if let Some(cached) = cache.entries().get(&repository.name)
        && cached.sides == sides
    {
        return Ok(Arc::clone(&cached.differences));
    }
    let differences = Arc::new(compare(repository, &sides).await?);
    let cached = CachedDifferences { sides, differences: Arc::clone(&differences) };
    cache.entries().insert(repository.name.clone(), cached);
    Ok(differences)
}

async fn compare(repository: &Repository, sides: &Sides) -> Result<Vec<Value>, ServiceError> {
    let tree = |entry: &Option<TreeEntry>| entry.as_ref().filter(|entry| entry.is_tree()).map(|entry| entry.id.clone());
    let blob = |entry: &Option<TreeEntry>, path: &str| {
        let entry = entry.as_ref().filter(|entry| !entry.is_tree())?;
        Some(metadata(&entry.id, path, &format!("{:06o}", entry.mode)))
    };
    let (before, after) = (tree(&sides.before), tree(&sides.after));
    let before_blob = blob(&sides.before, &sides.before_path);
    let after_blob = blob(&sides.after, &sides.after_path);
    let mut found = Vec::new();
    if before_blob != after_blob {
        found.push(difference(before_blob, after_blob));
    }
    if before != after {
        let (before, after) = (before.as_deref().unwrap_or(EMPTY_TREE), after.as_deref().unwrap_or(EMPTY_TREE));
        let arguments = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", before, after];
        let raw = git::output(&repository.git_dir, &arguments).await?;
        found.extend(parse(&String::from_utf8_lossy(&raw), sides));
    }
    Ok(found)
}

/// Parses the raw form of git-diff-tree: `:100644 100755 <id> <id> M NUL path NUL`.
fn parse(raw: &str, sides: &Sides) -> Vec<Value> {
    let mut fields = raw.split_terminator('\0');
    let mut differences = Vec::new();
    while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
        let [old_mode, mode, old_id, id, status] = head.trim_start_matches(':').split(' ').collect::<Vec<_>>()[..]
        else {
            continue;
        };
        let old = (status != "A").then(|| metadata(old_id, &join(&sides.before_path, path), old_mode));
        let new = (status != "D").then(|| metadata(id, &join(&sides.after_path, path), mode));
        differences.push(difference(old, new));
    }
    differences
}

fn difference(before: Option<Value>, after: Option<Value>) -> Value {
    let change = match (&before, &after) {
        (None, _) => "A",
        (_, None) => "D",
        _ => "M",
    };
    let mut difference = json!({ "changeType": change });
    for (name, blob) in [("beforeBlob", before), ("afterBlob", after)] {
        if let Some(blob) = blob {
            difference[name] = blob;
        }
    }
    difference
}

fn metadata(id: &str, path: &str, mode: &str) -> Value {
    json!({ "blobId": id, "path": path, "mode": mode })
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

impl DifferenceCache {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, CachedDifferences>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sides {
    /// Returns a text that identifies the comparison, for the tokens of its pages.
    fn name(&self) -> String {
        let id = |entry: &Option<TreeEntry>| entry.as_ref().map_or_else(|| "-".to_owned(), |entry| entry.id.clone());
        format!("{} {} {} {}", id(&self.before), self.before_path, id(&self.after), self.after_path)
    }
}
