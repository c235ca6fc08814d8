"""Writes a plain template as CloudFormation would see it, once for every set of parameters, for cfn-lint: rendered.py PLAIN FOLDER [NAME]

NAME is the template in parameter-sets.yaml, template.yaml by default.

Without conditions and functions, every value is checked as it is: enumerations, patterns, limits.
"""

import json
import pathlib
import re
import sys

import yaml

import render


def main():
    plain, folder = map(pathlib.Path, sys.argv[1:3])
    name_of_sets = sys.argv[3] if len(sys.argv) > 3 else "template.yaml"
    template = json.loads(plain.read_text(encoding="utf-8"))
    sets = yaml.safe_load(pathlib.Path(__file__).with_name("parameter-sets.yaml").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for name, given in sets[name_of_sets].items():
        pseudo = {key: value for key, value in given.items() if key.startswith("AWS::")}
        code = {"CodeBucket": "code"} if "CodeBucket" in template["Parameters"] else {}
        parameters = code | {key: value for key, value in given.items() if key not in pseudo}
        stack = render.Stack(plain, parameters, pseudo, split_attributes(template))
        resources = {logical: without_missing(stack, body) for logical, body in stack.resources()}
        file = folder / (re.sub(r"[^a-z0-9]+", "-", name.lower()) + ".json")
        file.write_text(json.dumps({"Resources": resources}, indent=1), encoding="utf-8")


def split_attributes(value):
    """Returns the template with `Fn::GetAtt: a.b` as a list, like the YAML loader."""
    if isinstance(value, list):
        return [split_attributes(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::GetAtt"} and isinstance(value["Fn::GetAtt"], str):
        return {"Fn::GetAtt": value["Fn::GetAtt"].split(".", 1)}
    return {key: split_attributes(item) for key, item in value.items()}


def without_missing(stack, body):
    """Returns a resource without a DependsOn on resources that do not exist with these parameters."""
    if "DependsOn" in body:
        names = body["DependsOn"] if isinstance(body["DependsOn"], list) else [body["DependsOn"]]
        made = {logical for logical, _ in stack.resources()}
        body["DependsOn"] = [name for name in names if name in made]
    return body


if __name__ == "__main__":
    main()
