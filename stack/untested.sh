#!/usr/bin/env bash
# Checks assumptions of docs/untested.md with a stack in a sandbox account: untested.sh STACK
#
# Run it after one push of a branch and one of the trunk. It only reads, except for S1: it requests a change set that CloudFormation
# should refuse, and deletes the change set otherwise. Needs Bash 4 and AWS CLI 2.
# SC2329: `check` invokes the functions that it is given.
# shellcheck disable=SC2329
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=stack/untested_common.sh
. "$here/untested_common.sh"

output() {
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

refused_branches() {
    local set=untested-s1
    aws cloudformation create-change-set --stack-name "$set" --change-set-name "$set" --change-set-type CREATE \
        --template-body "$1" --parameters 'ParameterKey=Branches,ParameterValue=!wip/**'
    aws cloudformation delete-stack --stack-name "$set"
}

# The template is too large for a request. S1 needs only its Branches parameter.
template_of_branches() {
    python3 - "$here/../template.yaml" <<'PYTHON'
import json
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
pattern = json.loads(re.search(r'^  Branches:\n(?:    .*\n)*?    AllowedPattern: (".*")$', text, re.MULTILINE)[1])
handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
print(json.dumps({"Parameters": {"Branches": {"Type": "String", "AllowedPattern": pattern}}, "Resources": {"Handle": handle}}))
PYTHON
}

# Runs one query of Logs Insights over the last day and prints its rows.
query() {
    local id status=Running deadline=$((SECONDS + 60))
    id=$(aws logs start-query --log-group-name "$1" --query-string "$2" --query queryId --output text \
        --start-time $(($(date +%s) - 86400)) --end-time "$(date +%s)")
    while [[ $status == Running || $status == Scheduled ]] && ((SECONDS < deadline)); do
        sleep 1
        status=$(aws logs get-query-results --query-id "$id" --query status --output text)
    done
    aws logs get-query-results --query-id "$id" --query results
}

project=$(resource "$stack" Project)
bucket=$(resource "$stack" PipelineBucket)
build_logs=$(resource "$project" BuildLogs)
function=$(output UpdatesFunctionName)
dev=$(output DevPipelineName)
ops=$(output OpsPipelineName)
repository=$(parameter RepositoryName)
trigger_prefix=$(parameter TriggerPrefix)

check S1 'ValidationError.*Branches' refused_branches "$(template_of_branches)"
check S2 '^[1-9]' aws s3api list-objects-v2 --bucket "$bucket" --prefix "$dev/" --query KeyCount --output text
check S3 '^dev/' aws logs describe-log-streams --log-group-name "$build_logs" --log-stream-name-prefix dev/ \
    --query 'logStreams[0].logStreamName' --output text
check S4 '^Succeeded' aws codepipeline list-action-executions --pipeline-name "$ops" --output text \
    --query "actionExecutionDetails[?stageName=='Source'] | [0].status"
check S5 'Starts' aws cloudwatch list-metrics --namespace CodeCommitMultibranch --query 'Metrics[].MetricName' --output text
# shellcheck disable=SC2016 # JMESPath literals are in backticks
check S6 '^[1-9]' aws cloudwatch list-metrics --namespace AWS/Lambda --metric-name AsyncEventAge --output text \
    --dimensions "Name=FunctionName,Value=$function" --query 'Metrics[?length(Dimensions)==`1`] | length(@)'
check S7 'started|skipped' query "$(output UpdatesLogGroup)" 'filter ispresent(Outcome) | fields Outcome | limit 5'
check S8 "^$trigger_prefix" aws codecommit get-repository-triggers --repository-name "$repository" --output text \
    --query "triggers[?starts_with(name, '$trigger_prefix')].name | [0]"
exit "$failed"
