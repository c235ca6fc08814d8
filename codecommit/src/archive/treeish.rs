//! Resolves a tree-ish, as `git archive` takes it, once to a commit's id over the API.
//!
//! | tree-ish | read by |
//! |---|---|
//! | all 40 digits of a commit's id | `GetCommit` |
//! | `main`, `heads/main`, `refs/heads/main` | `GetBranch` |
//! | `v1.0`, `tags/v1.0`, `refs/tags/v1.0` | `GetFolder`, whose answer names the commit, also for an annotated tag |
//! | `HEAD`, `@` | `GetRepository`, which names the default branch, then `GetBranch` |
//! | `…~2`, `…^`, `…^2` | `GetCommit`, parent by parent |
//! | `…^{commit}`, `…^{}`, `…^{object}`, `…^0` | nothing more |
//! | `…^{tree}`, `…:` | nothing more. The archive has no comment, like that of a bare tree |
//!
//! If both a branch and a tag have the name, the tag is used, with a warning, as gitrevisions(7) says. Abbreviated
//! ids, reflogs (`@{…}`), searches (`:/…`, `^{/…}`), trees within trees (`…:path`) and the ids of trees are refused:
//! the API cannot resolve them, or a pathspec does the same.

use futures_util::future::join_all;

use crate::aws::{Aws, CallError, call};
use crate::source::api::Api;
use crate::source::{Checkout, Source, SourceError};
use git_archive::object::{Commit, ObjectId};

/// The number of digits of a full id.
const DIGITS: usize = 40;
/// The smallest number of digits of an abbreviated id (git's `MINIMUM_ABBREV`).
const FEWEST_DIGITS: usize = 4;
/// The error codes of `CodeCommit` for a name that does not exist.
const MISSING: [&str; 6] = [
    "BranchDoesNotExistException",
    "CommitDoesNotExistException",
    "CommitIdDoesNotExistException",
    "InvalidBranchNameException",
    "InvalidCommitException",
    "InvalidCommitIdException",
];

/// The reason why a tree-ish cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum TreeishError {
    /// The API cannot resolve this form.
    #[error("'{treeish}' is not supported: {reason}")]
    Unsupported {
        /// The tree-ish.
        treeish: String,
        /// The part that is not supported, and what to write instead.
        reason: &'static str,
    },
    /// Neither a branch nor a tag has this name, and it looks like an abbreviated id.
    #[error("'{0}' is no branch and no tag; the API finds a commit only by all 40 digits of its id")]
    Abbreviated(String),
    /// The branch, tag or commit does not exist.
    #[error("there is no branch, tag or commit '{0}'")]
    Missing(String),
    /// The repository is empty, so it has no default branch.
    #[error("the repository has no default branch that HEAD could stand for")]
    NoDefaultBranch,
    /// The commit has fewer parents.
    #[error("commit {commit} has no parent {parent}")]
    NoParent {
        /// The commit.
        commit: ObjectId,
        /// The number of the parent, counted from 1.
        parent: usize,
    },
    /// A call failed.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl TreeishError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "TreeishUnsupported",
            Self::Abbreviated(_) => "TreeishAbbreviated",
            Self::Missing(_) | Self::NoParent { .. } => "TreeishMissing",
            Self::NoDefaultBranch => "RepositoryEmpty",
            Self::Source(error) => error.code(),
        }
    }
}

impl From<CallError> for TreeishError {
    fn from(error: CallError) -> Self {
        Self::Source(error.into())
    }
}

/// The commit of a tree-ish. All later steps use only ids, so a push during the archive changes nothing.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) checkout: Checkout,
    pub(super) commit: Commit,
    /// True if the tree-ish is the commit's tree.
    pub(super) is_tree: bool,
    pub(super) warning: Option<String>,
}

pub(super) async fn resolve(
    aws: &Aws,
    repository: &str,
    source: &Source,
    treeish: &str,
) -> Result<Resolved, TreeishError> {
    let Parsed { name, steps, is_tree } = parse(treeish)?;
    let lookup = Lookup { aws, repository };
    let (mut id, warning) = lookup.name(name).await?;
    let api = Api::new(aws.codecommit.clone(), repository);
    for parent in steps {
        let commit = api.commit(id).await?;
        id = *commit.parents.get(parent - 1).ok_or(TreeishError::NoParent { commit: id, parent })?;
    }
    let mut checkout = source.checkout(id);
    let commit = match checkout.commit().await {
        Err(error) if is_no_commit(&error) => {
            checkout = source.checkout(lookup.peeled(id).await?);
            checkout.commit().await
        }
        commit => commit,
    };
    Ok(Resolved { commit: commit?, checkout, is_tree, warning })
}

/// Returns whether the id may belong to a tag: the API does not find it, or Git finds another kind of object.
fn is_no_commit(error: &SourceError) -> bool {
    matches!(error, SourceError::Call(call) if call.is(&MISSING)) || error.is_no_commit()
}

#[derive(Debug, PartialEq, Eq)]
struct Parsed<'a> {
    name: &'a str,
    /// The parents to follow, one after the other, each counted from 1.
    steps: Vec<usize>,
    is_tree: bool,
}

fn parse(treeish: &str) -> Result<Parsed<'_>, TreeishError> {
    let refused = |reason| TreeishError::Unsupported { treeish: treeish.to_owned(), reason };
    let end = treeish.find(['^', '~', ':']).unwrap_or(treeish.len());
    let (name, mut rest) = treeish.split_at(end);
    if name.contains("@{") {
        return Err(refused("CodeCommit has no reflog and no upstream branches"));
    }
    if name.is_empty() {
        return Err(refused("it begins with no branch, tag or commit"));
    }
    let (mut steps, mut is_tree) = (Vec::new(), false);
    while let Some(sign) = rest.chars().next() {
        rest = &rest[1..];
        if sign == ':' {
            return match rest {
                "" => Ok(Parsed { name, steps, is_tree: true }),
                _ => Err(refused("a tree within the tree; give its path as a pathspec")),
            };
        }
        if is_tree {
            return Err(refused("a tree has no parents"));
        }
        if let Some(braced) = rest.strip_prefix('{').filter(|_| sign == '^') {
            let (kind, after) = braced.split_once('}').ok_or_else(|| refused("a } is missing"))?;
            match kind {
                "" | "commit" | "object" => {}
                "tree" => is_tree = true,
                _ => return Err(refused("only ^{commit}, ^{tree}, ^{object} and ^{} can be told by the API")),
            }
            rest = after;
            continue;
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = if digits == 0 { Ok(1) } else { rest[..digits].parse() };
        let number: usize = number.map_err(|_| refused("the number is too large"))?;
        rest = &rest[digits..];
        if !rest.is_empty() && !rest.starts_with(['^', '~', ':']) {
            return Err(refused("after a number comes ^, ~ or nothing"));
        }
        match (sign, number) {
            ('^', 0) => {}
            ('^', parent) => steps.push(parent),
            (_, generations) => steps.extend(std::iter::repeat_n(1, generations)),
        }
    }
    Ok(Parsed { name, steps, is_tree })
}

/// A reference that a name may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reference<'a> {
    Branch(&'a str),
    Tag(&'a str),
}

/// Returns the references that a name may stand for, in the order of gitrevisions(7). The first that exists counts.
fn references(name: &str) -> Vec<Reference<'_>> {
    use Reference::{Branch, Tag};
    match name.strip_prefix("refs/") {
        Some(rest) => qualified(rest).into_iter().collect(),
        None => qualified(name).into_iter().chain([Tag(name), Branch(name)]).collect(),
    }
}

/// Returns the reference of a name that begins with its kind's folder.
fn qualified(name: &str) -> Option<Reference<'_>> {
    let branch = name.strip_prefix("heads/").map(Reference::Branch);
    branch.or_else(|| name.strip_prefix("tags/").map(Reference::Tag))
}

struct Lookup<'a> {
    aws: &'a Aws,
    repository: &'a str,
}

impl Lookup<'_> {
    async fn name(&self, name: &str) -> Result<(ObjectId, Option<String>), TreeishError> {
        if name == "HEAD" || name == "@" {
            return Ok((self.head().await?, None));
        }
        if let Some(id) = full_id(name) {
            return Ok((id, None));
        }
        let references = references(name);
        let found = join_all(references.iter().map(|reference| self.reference(*reference))).await;
        let found: Vec<ObjectId> = found.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?;
        let warning = (found.len() > 1).then(|| format!("'{name}' is ambiguous: a tag goes before a branch"));
        if let Some(id) = found.first() {
            return Ok((*id, warning));
        }
        if let Some(id) = self.specifier(name).await? {
            return Ok((id, None));
        }
        let is_hex = name.len() >= FEWEST_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        // `v1.0-3-g1234567`, the output of `git describe`, ends in an abbreviated id.
        let described = name.rsplit_once("-g").is_some_and(|(_, end)| {
            (FEWEST_DIGITS..=DIGITS).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        Err(if is_hex || described {
            TreeishError::Abbreviated(name.into())
        } else {
            TreeishError::Missing(name.into())
        })
    }

    /// Returns the commit of an annotated tag, given by the tag's own id.
    async fn peeled(&self, id: ObjectId) -> Result<ObjectId, TreeishError> {
        let peeled = self.specifier(&id.to_string()).await?;
        peeled.filter(|peeled| *peeled != id).ok_or_else(|| TreeishError::Missing(id.to_string()))
    }

    async fn head(&self) -> Result<ObjectId, TreeishError> {
        let request = self.aws.codecommit.get_repository().repository_name(self.repository);
        let answer = call("GetRepository", request.send()).await?;
        let branch = answer.repository_metadata.and_then(|metadata| metadata.default_branch);
        let branch = branch.ok_or(TreeishError::NoDefaultBranch)?;
        self.branch(&branch).await?.ok_or(TreeishError::NoDefaultBranch)
    }

    async fn reference(&self, reference: Reference<'_>) -> Result<Option<ObjectId>, TreeishError> {
        match reference {
            Reference::Branch(name) => self.branch(name).await,
            Reference::Tag(name) => self.specifier(&format!("refs/tags/{name}")).await,
        }
    }

    async fn branch(&self, name: &str) -> Result<Option<ObjectId>, TreeishError> {
        let request = self.aws.codecommit.get_branch().repository_name(self.repository).branch_name(name);
        match call("GetBranch", request.send()).await {
            Err(call) if call.is(&MISSING) => Ok(None),
            answer => {
                let commit = answer?.branch.and_then(|branch| branch.commit_id);
                id("GetBranch", commit.as_deref()).map(Some)
            }
        }
    }

    /// Returns the commit that a commit specifier of `GetFolder` stands for.
    async fn specifier(&self, specifier: &str) -> Result<Option<ObjectId>, TreeishError> {
        let request = self.aws.codecommit.get_folder().repository_name(self.repository).folder_path("/");
        match call("GetFolder", request.commit_specifier(specifier).send()).await {
            Err(call) if call.is(&MISSING) => Ok(None),
            answer => id("GetFolder", Some(answer?.commit_id())).map(Some),
        }
    }
}

fn full_id(name: &str) -> Option<ObjectId> {
    (name.len() == DIGITS).then(|| ObjectId::from_hex(name.to_ascii_lowercase().as_bytes()).ok()).flatten()
}

fn id(operation: &'static str, id: Option<&str>) -> Result<ObjectId, TreeishError> {
    let id = id.unwrap_or_default();
    let parsed = ObjectId::from_hex(id.as_bytes());
    parsed.map_err(|_| CallError::malformed(operation, format_args!("{id:?} is no commit's id")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(treeish: &str, name: &str, steps: &[usize], is_tree: bool) {
        assert_eq!(parse(treeish).unwrap(), Parsed { name, steps: steps.to_vec(), is_tree }, "{treeish}");
    }

    #[test]
    fn what_can_be_told_is_taken_apart() {
        check("main", "main", &[], false);
        check("feature/x@y", "feature/x@y", &[], false);
        check("HEAD~2^2^", "HEAD", &[1, 1, 2, 1], false);
        check("HEAD~", "HEAD", &[1], false);
        check("v1^{}^{commit}^0~0", "v1", &[], false);
        check("v1^{tree}", "v1", &[], true);
        check("@~1:", "@", &[1], true);
    }

    #[test]
    fn what_cannot_is_named() {
        for treeish in
            [":/fix", "main@{1}", "@{u}", "main:src", "main^{/fix}", "main^{tree}^", "main^{tree", "main~1x", "~1", ""]
        {
            assert!(matches!(parse(treeish), Err(TreeishError::Unsupported { .. })), "{treeish}");
        }
    }

    #[test]
    fn names_are_tried_in_the_order_of_git() {
        use Reference::{Branch, Tag};
        assert_eq!(references("x"), [Tag("x"), Branch("x")]);
        assert_eq!(references("heads/x"), [Branch("x"), Tag("heads/x"), Branch("heads/x")]);
        assert_eq!(references("tags/x"), [Tag("x"), Tag("tags/x"), Branch("tags/x")]);
        assert_eq!(references("refs/heads/a/b"), [Branch("a/b")]);
        assert_eq!(references("refs/tags/x"), [Tag("x")]);
        assert_eq!(references("refs/notes/x"), []);
    }
}
