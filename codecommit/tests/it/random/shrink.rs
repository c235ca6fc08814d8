//! Makes a failing case smaller while it still fails.

use super::case::{Case, Form};

/// The largest number of cases to try, because each makes a repository.
const MOST_TRIES: usize = 400;

/// Returns the smallest case that fails in the same way, and its failure. Each step takes the first smaller case that
/// fails.
pub(super) async fn shrink(
    mut case: Case,
    mut failure: String,
    fails: impl AsyncFn(&Case) -> Option<String>,
) -> (Case, String) {
    let mut tries = 0;
    'smaller: loop {
        let weight = case.weight();
        for candidate in candidates(&case).into_iter().filter(|candidate| candidate.weight() < weight) {
            tries += 1;
            if tries > MOST_TRIES {
                break 'smaller;
            }
            // Skip another kind of failure. It is another bug, or a case that is refused on purpose.
            if let Some(found) = fails(&candidate).await.filter(|found| kind(found) == kind(&failure)) {
                (case, failure) = (candidate, found);
                continue 'smaller;
            }
        }
        break;
    }
    (case, failure)
}

/// Returns the kind of a failure, without the details of its case.
fn kind(failure: &str) -> &str {
    failure.split_once(':').map_or(failure, |(kind, _)| kind)
}

fn candidates(case: &Case) -> Vec<Case> {
    let mut smaller = options(case);
    for (path, (mode, content)) in &case.tree.0 {
        let with = |content: Vec<u8>| {
            let mut case = case.clone();
            case.tree.add(path.clone(), mode, content);
            case
        };
        let mut without = case.clone();
        without.tree.0.remove(path);
        if !without.tree.0.is_empty() {
            smaller.push(without);
        }
        let half = content.len() / 2;
        smaller.push(with(content[..half].to_vec()));
        smaller.push(with(content[half..].to_vec()));
        let lines: Vec<&[u8]> = content.split_inclusive(|&byte| byte == b'\n').collect();
        for at in 0..lines.len().min(12) {
            smaller.push(with([&lines[..at], &lines[at + 1..]].concat().concat()));
        }
        if content.len() < 80 {
            smaller.extend((0..content.len()).map(|at| with([&content[..at], &content[at + 1..]].concat())));
        }
    }
    smaller
}

fn options(case: &Case) -> Vec<Case> {
    let with = |change: &dyn Fn(&mut Case)| {
        let mut case = case.clone();
        change(&mut case);
        case
    };
    let mut smaller = vec![
        with(&|case| case.extra.clear()),
        with(&|case| case.paths.clear()),
        with(&|case| case.prefix.clear()),
        with(&|case| case.level = None),
        with(&|case| case.over_git = false),
        with(&|case| {
            case.form = Form::Full;
            case.mtime = None;
        }),
        with(&|case| case.commit.message = b"Subject\n".to_vec()),
    ];
    smaller.extend((0..case.extra.len()).map(|at| with(&|case| drop(case.extra.remove(at)))));
    smaller.extend((0..case.paths.len()).map(|at| with(&|case| drop(case.paths.remove(at)))));
    smaller
}
