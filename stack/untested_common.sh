# Sourced by the scripts that check assumptions of docs/untested.md. It sets `failed` if one does not hold.
# shellcheck shell=bash
# SC2034: the scripts read `failed`.
# shellcheck disable=SC2034
stack=${1:?usage: ${0##*/} STACK}
failed=0
export AWS_PAGER=

# check NUMBER PATTERN COMMAND…: the assumption is true if the command's output, with its errors, matches the pattern.
check() {
    local number=$1 pattern=$2 output
    shift 2
    output=$("$@" 2>&1) || true
    if [[ $output =~ $pattern ]]; then
        echo "$number holds"
    else
        failed=1
        printf '%s does NOT hold: %s\n  expected %s, got: %s\n' "$number" "$*" "$pattern" "${output:0:500}"
    fi
}

# parameter NAME: prints a parameter of the stack
parameter() {
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Parameters[?ParameterKey=='$1'].ParameterValue"
}

# resource STACK LOGICAL-NAME: prints the physical name of a resource
resource() {
    aws cloudformation describe-stack-resource --stack-name "$1" --logical-resource-id "$2" --output text \
        --query StackResourceDetail.PhysicalResourceId
}
