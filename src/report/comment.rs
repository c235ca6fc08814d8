//! The result of a run as Markdown, for the developer of the branch: the result first, then the action that failed, its
//! error and its log. Pure.

use std::time::Duration;

use aws_sdk_codepipeline::types::PipelineExecutionStatus;

use super::result::{FailedAction, RunResult};

/// The maximum length of a comment, in characters.
const MAX: usize = 10_240;
/// The number of lines of an error that a comment shows.
const ERROR_LINES: usize = 20;
/// The number of characters of an error that a comment shows.
const ERROR_CHARS: usize = 2_000;
/// The last line of a comment after a newer comment was posted.
const OLDER: &str = "*A newer result follows.*";
/// The beginning of every comment, by result.
const MARKS: [(PipelineExecutionStatus, &str); 5] = [
    (PipelineExecutionStatus::Succeeded, "✅ **Succeeded**"),
    (PipelineExecutionStatus::Failed, "❌ **Failed**"),
    (PipelineExecutionStatus::Stopped, "⏹️ **Stopped**"),
    (PipelineExecutionStatus::Superseded, "⏭️ **Superseded**"),
    (PipelineExecutionStatus::Cancelled, "⏹️ **Canceled**"),
];

/// Returns the comment on a result.
pub(super) fn text(result: &RunResult) -> String {
    let mut parts = vec![headline(result)];
    match (&result.failure, &result.run.reason) {
        (Some(failure), _) => parts.extend(explained(failure)),
        (None, Some(reason)) => parts.push(block(reason)),
        (None, None) => {}
    }
    parts.join("\n\n").chars().take(MAX).collect()
}

/// Returns the id of the execution that a comment is about, if the comment is one of ours for this pipeline.
pub(super) fn execution<'a>(content: &'a str, pipeline: &str) -> Option<&'a str> {
    let headline = content.lines().next()?;
    MARKS.iter().find(|(_, mark)| headline.starts_with(mark))?;
    let link = format!("/codesuite/codepipeline/pipelines/{pipeline}/executions/");
    headline.split(&link).nth(1)?.split('/').next()
}

/// Returns a comment of ours shortened to its first line, or `None` if it is short already.
pub(super) fn shortened(content: &str) -> Option<String> {
    let headline = content.lines().next().unwrap_or_default();
    let short = format!("{headline}\n\n{OLDER}");
    (short != content).then_some(short)
}

/// Returns the line that stays when a newer result follows.
fn headline(result: &RunResult) -> String {
    let RunResult { run, pipeline, url, duration, .. } = result;
    let known = MARKS.iter().find(|(status, _)| *status == run.status);
    let mark = known.map_or_else(|| format!("⏹️ **{}**", run.status.as_str()), |(_, mark)| (*mark).to_owned());
    let commit = run.commit.get(..8).unwrap_or(&run.commit);
    let took = duration.map(|duration| format!(" in {}", spoken(duration))).unwrap_or_default();
    format!("{mark}: commit `{commit}` in pipeline [{pipeline}]({url}){took}")
}

/// Returns the paragraphs on an action that failed.
fn explained(failure: &FailedAction) -> Vec<String> {
    let FailedAction { stage, action, summary, error, url } = failure;
    let log = url.as_ref().map_or_else(|| ".".to_owned(), |url| format!(": [read its log]({url})."));
    let mut parts = vec![format!("Action **{action}** of stage **{stage}** failed{log}")];
    let texts = [summary.as_ref().filter(|_| summary != error), error.as_ref()];
    parts.extend(texts.into_iter().flatten().filter(|text| !text.trim().is_empty()).map(|text| block(text)));
    parts
}

/// Returns the first lines as a code block. The fence of the block is longer than any in the text, so the text cannot
/// end the block.
fn block(text: &str) -> String {
    let text = text.trim();
    let lines: Vec<&str> = text.lines().take(ERROR_LINES).collect();
    let mut shown: String = lines.join("\n").chars().take(ERROR_CHARS).collect();
    if shown.chars().count() < text.lines().collect::<Vec<_>>().join("\n").chars().count() {
        shown.push_str("\n…");
    }
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{shown}\n{fence}")
}

/// Returns a duration as people say it: `52 s`, `4 min 12 s`, `1 h 3 min`.
fn spoken(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{BranchRun, console_url};

    fn result(status: PipelineExecutionStatus) -> RunResult {
        RunResult {
            run: BranchRun {
                id: "11111111-2222-3333-4444-555555555555".to_owned(),
                repository: "demo".to_owned(),
                branch: "feature/login".to_owned(),
                commit: "c0ffee2222222222222222222222222222222222".to_owned(),
                message: None,
                status,
                reason: None,
            },
            pipeline: "demo-dev".to_owned(),
            url: console_url("eu-central-1", "demo-dev", "11111111-2222-3333-4444-555555555555"),
            duration: Some(Duration::from_secs(252)),
            failure: None,
        }
    }

    fn failed(error: &str) -> RunResult {
        let failure = FailedAction {
            stage: "Build".to_owned(),
            action: "Test".to_owned(),
            summary: Some("Build failed".to_owned()),
            error: Some(error.to_owned()),
            url: Some("https://example.com/log".to_owned()),
        };
        RunResult { failure: Some(failure), ..result(PipelineExecutionStatus::Failed) }
    }

    #[test]
    fn a_success_is_one_line() {
        let text = text(&result(PipelineExecutionStatus::Succeeded));
        assert_eq!(
            text,
            "✅ **Succeeded**: commit `c0ffee22` in pipeline [demo-dev](https://eu-central-1.console.aws.amazon.com/codesuite/\
             codepipeline/pipelines/demo-dev/executions/11111111-2222-3333-4444-555555555555/timeline?region=eu-central-1) in \
             4 min 12 s"
        );
        assert_eq!(execution(&text, "demo-dev"), Some("11111111-2222-3333-4444-555555555555"));
        assert_eq!(execution(&text, "demo"), None);
        assert_eq!(execution(&format!("> {text}"), "demo-dev"), None, "a quote is not ours");
    }

    #[test]
    fn a_failure_says_where_and_why_and_stays_short() {
        let long = text(&failed(&("x\n".repeat(500) + &"y".repeat(20_000))));
        let lines: Vec<&str> = long.lines().collect();
        assert!(lines[0].starts_with("❌ **Failed**: commit `c0ffee22`"), "{long}");
        assert_eq!(lines[2], "Action **Test** of stage **Build** failed: [read its log](https://example.com/log).");
        assert_eq!(lines[4..7], ["```", "Build failed", "```"]);
        assert!(lines.len() < 40 && long.ends_with("x\n…\n```"), "{long}");
        let short = shortened(&long).expect("it has more lines");
        assert_eq!(short.lines().next(), long.lines().next());
        assert_eq!(shortened(&short), None);
    }

    #[test]
    fn no_text_ends_its_block_or_is_too_long() {
        assert_eq!(block("a ```` b"), "`````\na ```` b\n`````");
        for error in ["`".repeat(20_000), "é\n".repeat(20_000)] {
            let text = text(&failed(&error));
            assert!(text.chars().count() < MAX, "{}", text.chars().count());
        }
    }

    #[test]
    fn durations_are_as_people_say_them() {
        let said = [0, 59, 60, 3599, 3600, 7322].map(|seconds| spoken(Duration::from_secs(seconds)));
        assert_eq!(said, ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "2 h 2 min"]);
    }
}
