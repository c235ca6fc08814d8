#!/usr/bin/env bash
# Cleans up after a branch that was deleted: stops its runs, then runs the cleanup builds for it, one after the other.
#
# Without BRANCH_NAME it sweeps: for each branch of the pipeline's last hundred executions that is gone, and that was not
# cleaned up since its last run, it starts this build again as the lost event would have done.
#
# Reads REPOSITORY_NAME, PIPELINE_NAME, BRANCHES (globs as the function's), PROJECTS (builds to run, may be empty), and of
# a branch BRANCH_NAME and COMMIT_ID; PAUSE_SECONDS, LIMIT_SECONDS and SWEEP_MAX have defaults. CodeBuild sets
# CODEBUILD_BUILD_ID. Bash 4, AWS CLI 2. stack/cleanup.yaml carries this file word for word; a test compares them.
set -euo pipefail

pause=${PAUSE_SECONDS:-10}
limit=$((SECONDS + ${LIMIT_SECONDS:-3300}))
sweep_max=${SWEEP_MAX:-20}
self=${CODEBUILD_BUILD_ID%%:*}
export AWS_PAGER='' LC_ALL=C

# Prints a glob of BRANCHES as an extended regular expression: * and ? stop at a slash, ** between slashes does not.
expression() {
    local glob=$1 text='' i=0 class
    while ((i < ${#glob})); do
        case ${glob:i} in
        '**/'*) [[ $i == 0 || ${glob:i-1:1} == / ]] && text+='(.*/)?' || text+='[^/]*/' && i=$((i + 2)) ;;
        '**') [[ $i == 0 || ${glob:i-1:1} == / ]] && text+='.*' || text+='[^/]*' && i=$((i + 1)) ;;
        '*'*) text+='[^/]*' ;;
        '?'*) text+='[^/]' ;;
        '['*']'*)
            class=${glob:i+1}
            class=${class%%]*}
            i=$((i + ${#class} + 1))
            text+="[${class/#!/^}]"
            ;;
        [A-Za-z0-9_/-]*) text+=${glob:i:1} ;;
        *) text+="\\${glob:i:1}" ;;
        esac
        i=$((i + 1))
    done
    printf %s "^$text\$"
}

# Succeeds if BRANCHES selects the branch: the last glob that matches decides.
selected() {
    local glob globs result=1
    IFS=, read -ra globs <<<"${BRANCHES// /}"
    for glob in "${globs[@]}"; do
        [[ -n $glob && $1 =~ $(expression "${glob#!}") ]] || continue
        [[ $glob == !* ]] && result=1 || result=0
    done
    return $result
}

# Prints the commit of a branch, or nothing if the branch is gone.
tip() {
    local answer
    if answer=$(aws codecommit get-branch --repository-name "$REPOSITORY_NAME" --branch-name "$1" \
        --query branch.commitId --output text 2>&1); then
        printf %s "$answer"
    elif [[ $answer != *BranchDoesNotExist* ]]; then
        printf '%s\n' "$answer" >&2
        return 1
    fi
}

# Prints the last executions of the pipeline, the newest first: id, status, and the time of the last change.
executions() {
    aws codepipeline list-pipeline-executions --pipeline-name "$PIPELINE_NAME" --max-results 100 --no-paginate \
        --query 'pipelineExecutionSummaries[].[pipelineExecutionId,status,lastUpdateTime]' --output text
}

# Prints repository, branch and commit of an execution, each None if it has no such variable.
variables() {
    aws codepipeline get-pipeline-execution --pipeline-name "$PIPELINE_NAME" --pipeline-execution-id "$1" --output text \
        --query "pipelineExecution.[variables[?name=='REPOSITORY_NAME'].resolvedValue|[0],
            variables[?name=='BRANCH_NAME'].resolvedValue|[0],variables[?name=='COMMIT_ID'].resolvedValue|[0]]"
}

# Prints id and status of the branch's runs that have not ended. A variable has no double quotes.
runs() {
    local listed id status repository branch found
    listed=$(executions) || return 1
    while read -r id status _; do
        [[ $status == InProgress || $status == Stopping ]] || continue
        found=$(variables "$id") || return 1
        read -r repository branch _ <<<"$found"
        [[ $repository == "$REPOSITORY_NAME" && $branch == "${BRANCH_NAME//\"/\'}" ]] || continue
        echo "$id $status"
    done <<<"$listed"
}

# Stops the branch's runs, and waits until the actions in progress have ended: they may still make what is cleaned up.
stop_runs() {
    local listed id status
    while ((SECONDS < limit)); do
        listed=$(runs)
        [[ -n $listed ]] || return 0
        while read -r id status; do
            echo "run $id: $status"
            # It may have ended in the meantime.
            [[ $status == Stopping ]] ||
                aws codepipeline stop-pipeline-execution --pipeline-name "$PIPELINE_NAME" --pipeline-execution-id "$id" \
                    --no-abandon --reason "the branch was deleted" >/dev/null || true
        done <<<"$listed"
        sleep "$pause"
    done
    echo "the runs of $BRANCH_NAME did not end in time" >&2
    return 1
}

# Starts a build for a branch at a commit, and prints its id. Git allows double quotes in a branch's name, but no backslash.
start() {
    aws codebuild start-build --project-name "$1" --query build.id --output text --environment-variables-override \
        "[{\"name\":\"BRANCH_NAME\",\"value\":\"${2//\"/\\\"}\"},{\"name\":\"COMMIT_ID\",\"value\":\"$3\"}]"
}

# Runs a build to its end. Succeeds if the build did.
build() {
    local id status
    id=$(start "$1" "$BRANCH_NAME" "${COMMIT_ID:-}") || return 1
    while ((SECONDS < limit)); do
        status=$(aws codebuild batch-get-builds --ids "$id" --query 'builds[0].buildStatus' --output text) || return 1
        echo "$id: $status"
        case $status in
        SUCCEEDED) return 0 ;;
        IN_PROGRESS) sleep "$pause" ;;
        *) return 1 ;;
        esac
    done
    echo "$id takes longer than this build may" >&2
    return 1
}

# Ends this build well if the branch is there: somebody has pushed it again, and what it has made is in use.
end_if_there() {
    local newest
    newest=$(tip "$BRANCH_NAME")
    if [[ -n $newest ]]; then
        echo "branch $BRANCH_NAME is at $newest: it is there again, and nothing is cleaned up"
        exit 0
    fi
}

clean_up() {
    local project failed=0
    if ! selected "$BRANCH_NAME"; then
        echo "BRANCHES does not select $BRANCH_NAME: there is nothing to clean up"
        return 0
    fi
    end_if_there
    stop_runs
    end_if_there
    for project in $PROJECTS; do
        build "$project" || failed=1
    done
    return $failed
}

# Prints the branches that this project has cleaned up, each after the time when that ended; what is in progress ends later
# than all others.
cleaned() {
    # A thousand builds are six weeks of sweeps. One call takes a hundred ids, and what has no colon is not an id.
    aws codebuild list-builds-for-project --project-name "$self" --max-items 1000 --query ids --output text |
        tr '[:space:]' '\n' | { grep : || true; } |
        xargs --no-run-if-empty --max-args=100 aws codebuild batch-get-builds --output text --query \
            "builds[?buildStatus=='SUCCEEDED'||buildStatus=='IN_PROGRESS'].[not_null(endTime,'later'),
                environment.environmentVariables[?name=='BRANCH_NAME'].value|[0]]" --ids
}

# Succeeds if the lines of `cleaned` say that a branch was cleaned up after a time.
cleaned_since() {
    awk -v branch="$1" -v time="$2" '$2 == branch && $1 > time { found = 1 } END { exit !found }'
}

# Starts the cleanup of what lost events have left.
sweep() {
    local listed done_before id updated found repository branch commit newest started=0
    local -A seen=()
    listed=$(executions)
    done_before=$(cleaned)
    while read -r id _ updated; do
        [[ -n $id ]] || continue
        found=$(variables "$id") || return 1
        read -r repository branch commit <<<"$found"
        [[ $repository == "$REPOSITORY_NAME" && $branch != - && -z ${seen[$branch]:-} ]] || continue
        # Of a branch's runs, the newest comes first.
        seen[$branch]=$id
        selected "$branch" || continue
        newest=$(tip "$branch") || return 1
        [[ -z $newest ]] || continue
        ! cleaned_since "$branch" "$updated" <<<"$done_before" || continue
        echo "branch $branch is gone and was not cleaned up: $(start "$self" "$branch" "$commit")"
        ((++started < sweep_max)) || break
    done <<<"$listed"
    echo "$started branches to clean up"
}

if [[ -n ${BRANCH_NAME:-} ]]; then clean_up; else sweep; fi
