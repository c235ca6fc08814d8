//! Names in an event: the ARN of a repository, and a reference.

/// The ARN of a repository: `arn:<partition>:codecommit:<region>:<account>:<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RepositoryArn {
    /// The whole ARN.
    pub arn: String,
}

impl RepositoryArn {
    /// Parses an ARN. Returns `None` if it is not the ARN of a repository.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let fields: Vec<&str> = arn.split(':').collect();
        let whole = fields.len() == 6
            && fields[0] == "arn"
            && fields[2] == "codecommit"
            && fields[3..].iter().all(|field| !field.is_empty());
        whole.then(|| Self { arn: arn.to_owned() })
    }

    /// Returns the name of the repository.
    pub fn name(&self) -> &str {
        self.field(5)
    }

    /// Returns the account that owns the repository.
    pub fn account(&self) -> &str {
        self.field(4)
    }

    /// Returns whether the account is one of AWS: twelve digits.
    pub fn has_account(&self) -> bool {
        self.account().len() == 12 && self.account().bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Returns the region of the repository.
    pub fn region(&self) -> &str {
        self.field(3)
    }

    fn field(&self, index: usize) -> &str {
        self.arn.split(':').nth(index).unwrap_or_default()
    }
}

/// A full reference name, such as `refs/heads/feature/login`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference(pub String);

impl Reference {
    /// Returns the name of the branch, or `None` if the reference is not a branch.
    pub fn branch(&self) -> Option<&str> {
        self.0.strip_prefix("refs/heads/").filter(|branch| !branch.is_empty())
    }
}
