"""The flat template makes the same resources as the nested ones do, for every set of parameters."""

import flatten
import pytest
import render
from test_templates import ROOT, SETS, stacks_of


def flat(path):
    template = render.load(path)

    def load(name):
        return flat(path.parent / template["Resources"][name]["Properties"]["TemplateURL"])

    return flatten.flatten(template, load)


@pytest.mark.parametrize("name", SETS)
def test_the_flat_template_makes_the_same_resources(name, monkeypatch):
    # A resource gets its name from its stack, so here the nested stacks have their parent's name.
    monkeypatch.setattr(render, "NESTED_NAME", "{parent}")
    pseudo = {key: value for key, value in SETS[name].items() if key.startswith("AWS::")}
    given = {key: value for key, value in SETS[name].items() if key not in pseudo}
    whole = render.Stack(ROOT / "template.yaml", given, pseudo, flat(ROOT / "template.yaml"))
    made = {logical: without_order(body) for logical, body in whole.resources()}
    wanted = {}
    for stack in stacks_of(SETS[name]):
        for logical, body in stack.resources():
            if body["Type"] != "AWS::CloudFormation::Stack":
                wanted[logical] = without_order(body)
    assert made == wanted
    outputs = render.load(ROOT / "template.yaml")["Outputs"]
    nested = render.Stack(ROOT / "template.yaml", given, pseudo)
    for output, body in outputs.items():
        if "Condition" not in body or nested.condition(body["Condition"]):
            value = whole.template["Outputs"][output]["Value"]
            assert whole.evaluate(value) == nested.evaluate(body["Value"]), output


def without_order(body):
    """The resources of a nested stack depend on everything that the stack depends on."""
    return {key: value for key, value in body.items() if key != "DependsOn"}


def test_conditions_have_no_if():
    template = flat(ROOT / "template.yaml")
    assert "Fn::If" not in str(template["Conditions"])
    assert not any(body["Type"] == "AWS::CloudFormation::Stack" for body in template["Resources"].values())


def test_a_name_in_both_templates_is_refused():
    child = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "child.yaml"}}
    with pytest.raises(flatten.FlattenError, match="Bucket"):
        flatten.flatten({"Resources": {"Child": nested, "Bucket": {"Type": "AWS::S3::Bucket"}}}, lambda _: child)
