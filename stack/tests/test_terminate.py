"""The script that terminates a deleted branch's product, run by bash against a stand-in for the AWS command line."""

import pytest
from test_provision import A, B, catalog, product_name, services

__all__ = ["catalog", "services"]


def deleted(catalog, **product):
    """A branch that is gone, and the product that its runs have left."""
    name = product_name(catalog)
    catalog.state |= {"tips": [], "ends_unseen": True}
    catalog.state["products"] = [{"Id": "pp-x", "Name": name, "Status": "AVAILABLE"} | product]
    return name


def run(catalog, **variables):
    return catalog.end(catalog.start(A, script="terminate.sh", **variables))


def test_the_product_and_its_versions_go(catalog):
    old, last, other = catalog.version(B), catalog.version(A), catalog.version("c" * 40)
    deleted(catalog, ProvisioningArtifactId=old)
    code, output = run(catalog)
    assert code == 0, output
    assert catalog.state["products"] == []
    assert [version["Id"] for version in catalog.state["versions"]] == [other], (old, last)
    # Delivered again, it finds nothing to do.
    code, output = run(catalog)
    assert code == 0 and "is not provisioned" in output
    assert len(catalog.called("TerminateProvisionedProduct")) == 1


def test_a_version_that_another_branch_uses_stays(catalog):
    used = catalog.version(A)
    deleted(catalog, ProvisioningArtifactId=used)
    catalog.state["products"].append({"Id": "pp-y", "Name": "other", "Status": "AVAILABLE", "ProvisioningArtifactId": used})
    assert run(catalog)[0] == 0
    assert [product["Id"] for product in catalog.state["products"]] == ["pp-y"]
    assert [version["Id"] for version in catalog.state["versions"]] == [used]


@pytest.mark.parametrize("status", ["ERROR", "TAINTED"])
def test_a_product_that_failed_goes_too(catalog, status):
    deleted(catalog, Status=status)
    assert run(catalog)[0] == 0
    assert catalog.state["products"] == []


def test_a_change_in_progress_is_waited_for(catalog):
    deleted(catalog, Status="UNDER_CHANGE", ProvisioningArtifactId="pa-old", Looks=3)
    code, output = run(catalog)
    assert code == 0, output
    assert catalog.state["products"] == []
    assert len(catalog.called("ScanProvisionedProducts")) > 3


def test_a_branch_that_is_there_again_keeps_its_product(catalog):
    deleted(catalog)
    catalog.state["tips"] = [B]
    code, output = run(catalog)
    assert code == 0 and "is there again" in output
    assert catalog.called("TerminateProvisionedProduct") == []


def test_a_refused_look_at_the_branch_terminates_nothing(catalog):
    deleted(catalog)
    catalog.state["get_branch_refusal"] = "AccessDeniedException"
    code, output = run(catalog)
    assert code == 1 and "AccessDenied" in output
    assert catalog.called("TerminateProvisionedProduct") == []


def test_refused_terminations_are_tried_again_and_not_for_ever(catalog):
    deleted(catalog)
    catalog.state["refusals"] = 2
    assert run(catalog)[0] == 0
    deleted(catalog)
    catalog.state["refusals"] = 99
    code, output = run(catalog)
    assert code == 1 and output.count("InvalidParametersException") == 5


def test_the_names_are_those_of_the_provisioning(catalog):
    for branch in ["feature/login", "a" * 256, "fix/#7-é"]:
        name = product_name(catalog, branch)
        catalog.state |= {"tips": [], "ends_unseen": True}
        catalog.state["products"] = [{"Id": "pp-x", "Name": name, "Status": "AVAILABLE"}]
        assert catalog.end(catalog.start(A, branch, script="terminate.sh"))[0] == 0
        assert catalog.state["products"] == [], branch
