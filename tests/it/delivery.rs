//! The function on the wire: an event in, real clients, an emulated AWS; and what goes wrong there.
//!
//! | fault | where it is shown |
//! |---|---|
//! | 1 malformed event | `events`, `binary::rubbish_gets_the_coded_error` |
//! | 2 nothing in it | `run::what_is_nothing_to_do_asks_nobody` |
//! | 3 several references, records, parts | `events`, `plan`, `several` |
//! | 4 twice | `once` |
//! | 5, 6 out of order, at once | `once::two_pushes_at_once_are_two_objects_and_two_runs` |
//! | 7 deleted | `run::what_is_nothing_to_do_asks_nobody` |
//! | 8 gone | `run::a_commit_that_is_gone_is_left_alone` |
//! | 9 force-push meanwhile | `once::a_commit_that_the_branch_does_not_contain_is_skipped` |
//! | 10 tag, trunk, not selected | `run::what_is_nothing_to_do_asks_nobody` |
//! | 11 annotated tag | a tree-ish of the command line, not of an event |
//! | 12 odd names | `names::branches_may_be_called_anything` |
//! | 13 not allowed | `plan::a_repository_that_is_not_allowed_is_refused` |
//! | 14 test event, zero commit | `run::what_is_nothing_to_do_asks_nobody` |
//! | 15 throttled | `aws`, `faults` |
//! | 16 5xx | `faults` |
//! | 17 reset, cut | `faults` |
//! | 18 corrupt blob | `faults` |
//! | 19 corrupt listing | `faults`, `git` |
//! | 20 corrupt pack | `git_source` |
//! | 21 credentials expire | `faults::credentials_that_expire_are_fetched_again` |
//! | 22 denied, key disabled | `faults::a_refusal_is_permanent_and_not_tried_again` |
//! | 23 repository missing | `faults::a_repository_that_is_not_there_is_permanent` |
//! | 24 hang | `faults::a_connection_that_hangs_is_left` |
//! | 25 clock skew | `faults::a_refusal_is_permanent_and_not_tried_again` |
//! | 26 empty repository, empty tree | `run` |
//! | 27 refused names | `names::trees_that_git_refuses_are_refused` |
//! | 28, 29 backslash, case | `names::names_that_bite_on_windows_are_archived_with_a_warning` |
//! | 30 duplicate, unsorted | `names::trees_that_git_refuses_are_refused` |
//! | 31 long paths | `zip::a_path_may_have_65535_bytes` |
//! | 32 deep | `names::a_deep_tree_is_archived` |
//! | 33 symlink out of the tree | `run::a_push_becomes_a_pinned_run` |
//! | 34 submodule | `run::a_push_becomes_a_pinned_run` |
//! | 35 LFS pointer | `names::an_lfs_pointer_stays_one_and_is_reported` |
//! | 36 odd modes | `git::what_the_api_cannot_show_comes_over_git` |
//! | 37 attributes | `attributes`, `zip` |
//! | 38 not UTF-8 | `git::what_the_api_cannot_show_comes_over_git` |
//! | 39 over 6 MB | `git::a_file_over_6_mb_comes_over_git` |
//! | 40 zip64 | `zip::more_entries_than_16_bits_count`, `zip::huge` |
//! | 41 size limit | `run::a_commit_over_the_size_limit_is_refused` |
//! | 42 too much for the time | `several::a_deadline_that_is_near_leaves_all_as_it_was` |
//! | 43 a part fails | `multipart::a_part_that_fails_is_sent_again` |
//! | 44 Complete says 200 and an error | `multipart` |
//! | 45 Complete's answer lost | `once::a_lost_answer_starts_no_second_run` |
//! | 46 bucket without versioning | `pipeline` |
//! | 47 denied, quota | `faults::a_refusal_is_permanent_and_not_tried_again` |
//! | 48 pipeline missing, start throttled | `pipeline`, `once::a_start_that_failed_is_all_that_is_tried_again` |
//! | 49 killed before the start | `once`, `binary::a_kill_in_mid_run_goes_on_where_it_was` |
//! | 50 deadline near | `several`, `multipart::a_deadline_aborts_what_is_under_way` |
//! | 51 memory short | `aws::a_tiny_budget_does_not_deadlock` |
//! | 52 corrupt or foreign cache | `cache` |

mod cache;
mod faults;
mod git;
mod model;
mod multipart;
mod names;
mod once;
mod pipeline;
mod run;
mod several;

use oracle::Tree;

/// Makes a tree of one file.
fn small() -> Tree {
    let mut tree = Tree::default();
    tree.add("file", "100644", "content\n");
    tree
}
