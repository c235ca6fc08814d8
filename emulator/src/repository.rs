//! The repositories that the emulator serves: those of a folder, and single ones by name.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::ServiceError;
use crate::git;
use crate::git_objects::GitObjects;
use crate::trigger::Triggers;

/// Looks up a repository at each request, so that repositories made later are served too.
pub(crate) struct Repositories {
    folder: Option<PathBuf>,
    named: Vec<(String, PathBuf)>,
    open: Mutex<HashMap<String, Arc<Repository>>>,
    /// The repositories that `CreateRepository` made: only these can be deleted.
    created: Mutex<HashMap<String, PathBuf>>,
}

pub(crate) struct Repository {
    pub(crate) name: String,
    pub(crate) git_dir: PathBuf,
    pub(crate) objects: GitObjects,
    pub(crate) triggers: Mutex<Triggers>,
    /// Held during a push, so that the references before and after it can be compared.
    pub(crate) pushing: tokio::sync::Mutex<()>,
    /// True if `CreateRepository` made it: only then may its `HEAD` change.
    is_created: bool,
}

impl Repositories {
    pub(crate) fn new(folder: Option<PathBuf>, named: Vec<(String, PathBuf)>) -> Self {
        Self { folder, named, open: Mutex::default(), created: Mutex::default() }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = self.named.iter().map(|(name, _)| name.clone()).collect();
        let entries = self.folder.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
        names.extend(entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_suffix(".git").unwrap_or(&name);
            self.git_dir(name).map(|_| name.to_owned())
        }));
        names.into_iter().collect()
    }

    /// Returns the repositories in the folder that are not served, each with the reason.
    pub(crate) fn unserved(&self) -> Vec<(PathBuf, &'static str)> {
        let entries = self.folder.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
        let paths = entries.map(|entry| entry.path()).filter(|path| git_dir(path).is_some());
        let reason = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let name = name.strip_suffix(".git").unwrap_or(name);
            match self.git_dir(name) {
                None => Some("CodeCommit does not allow its name"),
                Some(served) => (git_dir(path)? != served).then_some("another repository has its name"),
            }
        };
        let mut unserved: Vec<_> = paths.filter_map(|path| reason(&path).map(|reason| (path, reason))).collect();
        unserved.sort_unstable();
        unserved
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Repository>> {
        let git_dir = self.git_dir(name)?;
        let is_created = self.created.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Repository::new(name, git_dir, is_created));
        let repository = open.entry(name.to_owned()).or_insert_with(new);
        Some(Arc::clone(repository))
    }

    /// Creates a bare repository in the folder; returns `None` if the name is in use.
    pub(crate) async fn create(
        &self,
        name: &str,
        description: Option<&str>,
    ) -> Result<Option<Arc<Repository>>, ServiceError> {
        let folder = self.folder.as_ref();
        let folder = folder.ok_or_else(|| ServiceError::not_modeled("CreateRepository without --repositories"))?;
        let path = folder.canonicalize()?.join(format!("{name}.git"));
        if self.get(name).is_some() || path.exists() {
            return Ok(None);
        }
        let shown =
            path.to_str().ok_or_else(|| ServiceError::not_modeled("repositories in a folder without UTF-8 name"))?;
        git::output(&path, &["init", "--quiet", "--bare", "--initial-branch=main", shown]).await?;
        std::fs::write(path.join("description"), description.unwrap_or_default())?;
        self.created.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), path);
        Ok(self.get(name))
    }

    /// Deletes a repository that `create` made; returns false for others.
    pub(crate) fn delete(&self, name: &str) -> io::Result<bool> {
        let path = self.created.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        let Some(path) = path else {
            return Ok(false);
        };
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        std::fs::remove_dir_all(path)?;
        Ok(true)
    }

    fn git_dir(&self, name: &str) -> Option<PathBuf> {
        if !is_name(name) {
            return None;
        }
        let named = self.named.iter().filter(|(known, _)| known == name).map(|(_, path)| path.clone());
        let folder = self.folder.iter().flat_map(|folder| [folder.join(name), folder.join(format!("{name}.git"))]);
        named.chain(folder).find_map(|path| git_dir(&path))
    }
}

impl Repository {
    fn new(name: &str, git_dir: PathBuf, is_created: bool) -> Self {
        Self {
            name: name.to_owned(),
            objects: GitObjects::new(git_dir.clone()),
            git_dir,
            triggers: Mutex::new(Triggers::new(Vec::new())),
            pushing: tokio::sync::Mutex::default(),
            is_created,
        }
    }

    /// Returns the description, if somebody set one.
    pub(crate) fn description(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.git_dir.join("description")).ok()?;
        let text = text.trim_end_matches('\n');
        (!text.is_empty() && !text.starts_with("Unnamed repository")).then(|| text.to_owned())
    }

    /// Returns every branch and tag with its commit.
    pub(crate) async fn references(&self) -> io::Result<HashMap<String, String>> {
        let format = "--format=%(objectname) %(*objectname) %(refname)";
        let listing = git::output(&self.git_dir, &["for-each-ref", format, "refs/heads", "refs/tags"]).await?;
        let listing = String::from_utf8_lossy(&listing);
        let parse = |line: &str| {
            let mut fields = line.splitn(3, ' ');
            let (id, peeled, name) = (fields.next()?, fields.next()?, fields.next()?);
            Some((name.to_owned(), if peeled.is_empty() { id } else { peeled }.to_owned()))
        };
        Ok(listing.lines().filter_map(parse).collect())
    }

    /// Makes the only branch the default, as `CodeCommit` does with the first one. Changes nothing if `HEAD` names a
    /// branch that exists, or in a repository that `CreateRepository` did not make.
    pub(crate) async fn adopt_default(&self) -> io::Result<()> {
        if !self.is_created {
            return Ok(());
        }
        let references = self.references().await?;
        let branches: Vec<_> = references.keys().filter(|name| name.starts_with("refs/heads/")).collect();
        let [only] = branches[..] else { return Ok(()) };
        if self.default_branch().await?.is_none() {
            git::output(&self.git_dir, &["symbolic-ref", "HEAD", only]).await?;
        }
        Ok(())
    }

    /// Returns the branch that `HEAD` names, if it exists.
    pub(crate) async fn default_branch(&self) -> io::Result<Option<String>> {
        let name = git::output(&self.git_dir, &["symbolic-ref", "--quiet", "HEAD"]).await.unwrap_or_default();
        let name = String::from_utf8_lossy(&name).trim().to_owned();
        let Some(branch) = name.strip_prefix("refs/heads/") else {
            return Ok(None);
        };
        Ok(self.objects.header(&name).await?.map(|_| branch.to_owned()))
    }
}

/// Returns true if CodeCommit accepts this as the name of a repository.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=100).contains(&name.len())
        && name.chars().all(allowed)
        && name.strip_suffix(".git").is_none()
        && !name.trim_matches('.').is_empty()
}

/// Returns the Git directory of a repository, bare or not, if there is one at `path`.
pub(crate) fn git_dir(path: &Path) -> Option<PathBuf> {
    let is_repository = |path: &Path| path.join("HEAD").is_file() && path.join("objects").is_dir();
    let inner = path.join(".git");
    if is_repository(&inner) || inner.is_file() {
        return Some(inner);
    }
    is_repository(path).then(|| path.to_owned())
}
