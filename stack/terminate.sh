#!/usr/bin/env bash
# Terminates the provisioned product of a branch that is gone, and deletes the versions that only it has used.
#
# Runs under the role that has provisioned it, since the product is looked for by role. A change in progress is waited
# for. A version that another branch uses stays, and so does one that Service Catalog refuses to delete.
#
# Reads PRODUCT_ID, REPOSITORY_NAME, BRANCH_NAME, COMMIT_ID; PAUSE_SECONDS and LIMIT_SECONDS have defaults. Bash 4, AWS
# CLI 2. stack/product.yaml carries this file word for word; a test compares them.
set -euo pipefail

pause=${PAUSE_SECONDS:-10}
limit=$((SECONDS + ${LIMIT_SECONDS:-3000}))
export AWS_PAGER=

# The name that stack/provision.sh gives.
product_name() {
    local digest
    digest=$(printf %s "$REPOSITORY_NAME/$BRANCH_NAME" | sha256sum | cut -c1-8)
    printf '%s-%s' "$(printf %s "$REPOSITORY_NAME-$BRANCH_NAME" | LC_ALL=C tr -c 'A-Za-z0-9_-' '-' | cut -c1-100)" "$digest"
}

# Succeeds if the branch is gone; any other answer than that ends this build.
is_gone() {
    local answer
    if answer=$(aws codecommit get-branch --repository-name "$REPOSITORY_NAME" --branch-name "$BRANCH_NAME" 2>&1); then
        return 1
    elif [[ $answer != *BranchDoesNotExist* ]]; then
        printf '%s\n' "$answer" >&2
        exit 1
    fi
}

# Prints name, id, status and version of each product that this role has provisioned.
provisioned() {
    aws servicecatalog scan-provisioned-products --access-level-filter Key=Role,Value=self \
        --query 'ProvisionedProducts[].[Name,Id,Status,ProvisioningArtifactId]' --output text
}

# Deletes the versions of the branch's last commit, and the one that its product had, unless another product uses them.
retire() {
    local used version versions
    used=$(provisioned | awk '{ print $4 }') || return 0
    versions=$(aws servicecatalog list-provisioning-artifacts --product-id "$PRODUCT_ID" --output text \
        --query "ProvisioningArtifactDetails[?Name=='${COMMIT_ID:-}' || Id=='$1'].Id") || return 0
    for version in $versions; do
        [[ $version == None ]] || grep -qxF -- "$version" <<<"$used" ||
            aws servicecatalog delete-provisioning-artifact --product-id "$PRODUCT_ID" --provisioning-artifact-id "$version" ||
            echo "version $version stays" >&2
    done
}

name=$(product_name)
version='' refused=0
while ((SECONDS < limit)); do
    if ! is_gone; then
        echo "the branch is there again: its product stays"
        exit 0
    fi
    found=$(provisioned)
    read -r id status current <<<"$(awk -v name="$name" '$1 == name { print $2, $3, $4; exit }' <<<"$found")" || true
    if [[ -z $id ]]; then
        echo "$name is not provisioned"
        retire "$version"
        exit 0
    fi
    version=$current
    if [[ $status != UNDER_CHANGE && $status != PLAN_IN_PROGRESS ]]; then
        echo "terminating $name, which is $status"
        if ! aws servicecatalog terminate-provisioned-product --provisioned-product-id "$id" \
            --query RecordDetail.RecordId --output text; then
            # Another change may have been faster. A termination that fails makes the product TAINTED or ERROR.
            ((++refused < 5)) || exit 1
        fi
    fi
    sleep "$pause"
done
echo "$name could not be terminated in time" >&2
exit 1
