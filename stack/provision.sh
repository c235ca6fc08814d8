#!/usr/bin/env bash
# Provisions or updates the branch's product with the version that this run of the pipeline made.
#
# A product of Service Catalog belongs to the session that provisioned it, and every build is another session of the same
# role. So this script searches for the product by role. It makes one change at a time, and waits while another change is
# in progress. It deploys only the branch's newest commit, and leaves an older commit to the run of the newer one. It deletes
# versions that are no longer used, because a product may have only 100.
#
# Reads PRODUCT_ID, REPOSITORY_NAME, BRANCH_NAME, COMMIT_ID; PAUSE_SECONDS, LIMIT_SECONDS and KEEP_VERSIONS have defaults.
# Needs Bash 4 and AWS CLI 2. stack/product.yaml has an exact copy of this file, and a test compares the two.
set -euo pipefail

pause=${PAUSE_SECONDS:-10}
limit=$((SECONDS + ${LIMIT_SECONDS:-3300}))
keep=${KEEP_VERSIONS:-20}
export AWS_PAGER=

# The name has the allowed characters of the branch's name, and a digest of the whole name, so that a/b and a-b differ.
product_name() {
    local digest
    digest=$(printf %s "$REPOSITORY_NAME/$BRANCH_NAME" | sha256sum | cut -c1-8)
    printf '%s-%s' "$(printf %s "$REPOSITORY_NAME-$BRANCH_NAME" | LC_ALL=C tr -c 'A-Za-z0-9_-' '-' | cut -c1-100)" "$digest"
}

# Prints the branch's newest commit, or nothing if the branch is gone.
tip() {
    local answer
    if answer=$(aws codecommit get-branch --repository-name "$REPOSITORY_NAME" --branch-name "$BRANCH_NAME" \
        --query branch.commitId --output text 2>&1); then
        printf %s "$answer"
    elif [[ $answer != *BranchDoesNotExist* ]]; then
        printf '%s\n' "$answer" >&2
        return 1
    fi
}

# Prints id, status and version of the provisioned product, or nothing if there is none. The AWS CLI reads all pages, and
# applies the query to each page.
provisioned() {
    aws servicecatalog scan-provisioned-products --access-level-filter Key=Role,Value=self \
        --query "ProvisionedProducts[?Name=='$name'].[Id,Status,ProvisioningArtifactId]" --output text |
        awk 'NF == 3 && !found++'
}

# Prints the newest version of the product with the commit's name. A commit may have been built more than once.
version_of_commit() {
    aws servicecatalog list-provisioning-artifacts --product-id "$PRODUCT_ID" --output text \
        --query "sort_by(ProvisioningArtifactDetails[?Name=='$COMMIT_ID'], &CreatedTime)[-1].Id"
}

# Waits until a change has ended. Succeeds if the change succeeded.
ended() {
    local status
    while ((SECONDS < limit)); do
        status=$(aws servicecatalog describe-record --id "$1" --query RecordDetail.Status --output text)
        echo "$1: $status"
        case $status in
        SUCCEEDED) return 0 ;;
        FAILED) return 1 ;;
        *) sleep "$pause" ;;
        esac
    done
    echo "$1 takes longer than the build may" >&2
    return 1
}

# Starts a change and prints its record's id. Fails if another run was faster: the caller then checks again.
change() {
    aws servicecatalog "$@" --query RecordDetail.RecordId --output text
}

# Deletes all versions except the newest few and those in use. A failure here does not fail the deployment.
retire() {
    local used version
    used=$(aws servicecatalog scan-provisioned-products --access-level-filter Key=Role,Value=self \
        --query 'ProvisionedProducts[].ProvisioningArtifactId' --output text) || return 0
    for version in $(aws servicecatalog list-provisioning-artifacts --product-id "$PRODUCT_ID" --output text \
        --query "reverse(sort_by(ProvisioningArtifactDetails, &CreatedTime))[$keep:].Id"); do
        [[ " ${used//[[:space:]]/ } " == *" $version "* || $version == None ]] ||
            aws servicecatalog delete-provisioning-artifact --product-id "$PRODUCT_ID" --provisioning-artifact-id "$version" ||
            echo "version $version stays" >&2
    done
}

finish() {
    echo "$1"
    retire
    exit 0
}

# Does one step towards the goal. Fails if a call was refused, for example because another run's change is in progress. The
# caller tests the result, which turns `set -e` off in this function. Therefore every call has its own `|| return`.
step() {
    local newest found id status current record
    newest=$(tip) || return 1
    [[ -n $newest ]] || finish "the branch is gone: nothing is provisioned for it"
    [[ $newest == "$COMMIT_ID" ]] || finish "$newest is newer: its own run deploys it"
    found=$(provisioned) || return 1
    read -r id status current <<<"$found" || true
    case $status in
    UNDER_CHANGE | PLAN_IN_PROGRESS)
        echo "waiting: $name is $status"
        sleep "$pause"
        return 0
        ;;
    AVAILABLE | TAINTED)
        [[ $status == TAINTED || $current != "$version" ]] || finish "$name has version $COMMIT_ID"
        record=$(change update-provisioned-product --provisioned-product-id "$id" "${to_version[@]}") || return 1
        ;;
    # The product was never launched, or its stack does not run. There is nothing to update.
    ERROR)
        record=$(change terminate-provisioned-product --provisioned-product-id "$id") || return 1
        ended "$record"
        return
        ;;
    '')
        record=$(change provision-product --provisioned-product-name "$name" "${to_version[@]}") || return 1
        ;;
    *)
        echo "$name is $status, which this script does not know" >&2
        exit 1
        ;;
    esac
    # The change was accepted, so this run ends with it. Another attempt would fail in the same way.
    ended "$record" || exit 1
    finish "$name has version $COMMIT_ID"
}

if [[ $BRANCH_NAME == - || $COMMIT_ID == - ]]; then
    echo "the run was started by hand and names no branch; codecommit start REPOSITORY BRANCH does what a push does" >&2
    exit 1
fi
name=$(product_name)
version=$(version_of_commit)
if [[ -z $version || $version == None ]]; then
    echo "product $PRODUCT_ID has no version $COMMIT_ID" >&2
    exit 1
fi
to_version=(--product-id "$PRODUCT_ID" --provisioning-artifact-id "$version")
refused=0
while ((SECONDS < limit)); do
    if ! step; then
        ((++refused < 5)) || exit 1
        sleep "$pause"
    fi
done
echo "$name could not be changed in time" >&2
exit 1
