"""Puts nested templates into the template that nests them.

Stack sets with service-managed permissions refuse nested stacks, and a person with one file deploys more easily than one with
three. A nested template's parameters become what its parent hands them, its outputs become their values.
"""

import copy
import re


class FlattenError(Exception):
    """A template has something that this file cannot put into another template."""


def flatten(template, load):
    """Returns a template without nested stacks. `load(name)` returns the template that the resource `name` nests, flat as well."""
    template = copy.deepcopy(template)
    resources = template["Resources"]
    outputs = {}
    for name, nested in list(resources.items()):
        if nested["Type"] == "AWS::CloudFormation::Stack":
            del resources[name]
            outputs |= put_in(template, name, nested, load(name))
    return with_outputs(template, outputs)


def put_in(template, name, nested, child):
    """Adds the child's conditions and resources to the template. Returns its outputs, each by its `Fn::GetAtt` name."""
    given = nested["Properties"].get("Parameters", {})
    values = {}
    for parameter, declared in child.get("Parameters", {}).items():
        value = given[parameter] if parameter in given else declared["Default"]
        # The parent joins a list, because it can pass only texts.
        joined = isinstance(value, dict) and value.get("Fn::Join", [None])[0] == ","
        values[parameter] = value["Fn::Join"][1] if joined and "List" in declared["Type"] else value
    rewrite = Rewrite(values, {condition: name + condition for condition in child.get("Conditions", {})})
    conditions = template.setdefault("Conditions", {})
    for condition, body in child.get("Conditions", {}).items():
        conditions[rewrite.conditions[condition]] = decided(rewrite(body))
    for logical, resource in child["Resources"].items():
        if logical in template["Resources"] or logical in template.get("Parameters", {}):
            raise FlattenError(f"{logical} is in both templates")
        resource = rewrite(resource)
        needed = [condition for condition in (nested.get("Condition"), resource.get("Condition")) if condition]
        if len(needed) == 2:
            conditions["And".join(needed)] = {"Fn::And": [{"Condition": condition} for condition in needed]}
        if needed:
            resource["Condition"] = "And".join(needed)
        if "DependsOn" in nested:
            resource["DependsOn"] = listed(nested["DependsOn"]) + listed(resource.get("DependsOn", []))
        template["Resources"][logical] = resource
    return {f"{name}.Outputs.{output}": rewrite(body["Value"]) for output, body in child.get("Outputs", {}).items()}


def listed(value):
    return value if isinstance(value, list) else [value]


class Rewrite:
    """Replaces a child's parameters and the names of its conditions."""

    def __init__(self, values, conditions):
        self.values, self.conditions = values, conditions

    def __call__(self, value):
        if isinstance(value, list):
            return [self(item) for item in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Ref"} and value["Ref"] in self.values:
            return copy.deepcopy(self.values[value["Ref"]])
        if set(value) == {"Fn::Sub"}:
            return self.substitute(value["Fn::Sub"])
        rewritten = {key: self(item) for key, item in value.items()}
        # The condition of a resource, or one condition within another.
        if isinstance(rewritten.get("Condition"), str):
            rewritten["Condition"] = self.conditions[rewritten["Condition"]]
        if "Fn::If" in rewritten:
            rewritten["Fn::If"][0] = self.conditions[rewritten["Fn::If"][0]]
        return rewritten

    def substitute(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = {name: self(value) for name, value in own.items()}
        names = set(re.findall(r"\$\{([A-Za-z0-9]+)\}", text)) - set(own)
        own |= {name: copy.deepcopy(self.values[name]) for name in sorted(names) if name in self.values}
        return {"Fn::Sub": [text, own] if own else text}


def decided(condition):
    """Returns a condition without `Fn::If`, which CloudFormation does not accept there."""
    if isinstance(condition, list):
        return [decided(item) for item in condition]
    if not isinstance(condition, dict):
        return condition
    if "Fn::Equals" in condition:
        left, right = condition["Fn::Equals"]
        if isinstance(left, dict) and "Fn::If" in left:
            name, then, otherwise = left["Fn::If"]
            return when(name, equal(then, right), equal(otherwise, right))
    return {key: decided(item) for key, item in condition.items()}


def when(name, then, otherwise):
    holds = {"Condition": name}
    if (then, otherwise) == (True, False):
        return holds
    if (then, otherwise) == (False, True):
        return {"Fn::Not": [holds]}
    if isinstance(then, bool) or isinstance(otherwise, bool):
        raise FlattenError(f"a condition on {name} compares texts that it does not choose")
    return {
        "Fn::Or": [
            {"Fn::And": [holds, then]},
            {"Fn::And": [{"Fn::Not": [holds]}, otherwise]},
        ]
    }


def equal(left, right):
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return decided({"Fn::Equals": [left, right]})


def with_outputs(value, outputs):
    """Replaces `Fn::GetAtt` of a nested stack's outputs by their values."""
    if isinstance(value, list):
        return [with_outputs(item, outputs) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::GetAtt"}:
        attribute = value["Fn::GetAtt"] if isinstance(value["Fn::GetAtt"], str) else ".".join(value["Fn::GetAtt"])
        if attribute in outputs:
            # An output may be made of another nested stack's outputs.
            return with_outputs(copy.deepcopy(outputs[attribute]), outputs)
    return {key: with_outputs(item, outputs) for key, item in value.items()}
