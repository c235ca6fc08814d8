#!/usr/bin/env bash
# Checks assumptions of docs/untested.md about the services that the function calls: untested_function.sh STACK
#
# Run it in a sandbox account, after two pushes of one branch. It only reads, but for F1 and F2, which write an object and delete it.
# F5 to F7 need a failing function, an hour, or a hostile push, so people check them. Bash 4, AWS CLI 2.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=stack/untested_common.sh
. "$here/untested_common.sh"

put() {
    aws s3api put-object --bucket "$bucket" --key untested/record --output text --query ETag "$@"
}

branch_tip() {
    aws codecommit get-branch --repository-name "$repository" --branch-name "$1" --output text --query branch.commitId
}

bucket=$(resource "$stack" PipelineBucket)
repository=$(parameter RepositoryName)
branch=$(aws codecommit list-branches --repository-name "$repository" --output text --query 'branches[0]')
tip=$(branch_tip "$branch")
parent=$(aws codecommit get-commit --repository-name "$repository" --commit-id "$tip" --output text --query 'commit.parents[0]')
key=$(aws s3api list-objects-v2 --bucket "$bucket" --output text --query "Contents[?ends_with(Key, '.zip')].Key | [0]")

old=$(put --if-none-match '*')
check F1 'PreconditionFailed' put --if-none-match '*'
put >/dev/null --body "${BASH_SOURCE[0]}"
check F2 'PreconditionFailed' put --if-match "$old"
aws s3api delete-object --bucket "$bucket" --key untested/record >/dev/null
check F3 'bytes [0-9]+-[0-9]+/[0-9]+' aws s3api get-object --bucket "$bucket" --key "$key" --range bytes=-1048576 /dev/null
check F4 "$parent" aws codecommit get-merge-options --repository-name "$repository" \
    --source-commit-specifier "$parent" --destination-commit-specifier "$tip" --query baseCommitId --output text
exit "$failed"
