"""Prints a packaged SAM template as plain CloudFormation: without SAM's transform, which is carried out here, and without nested stacks.

Stack sets with service-managed permissions refuse both.
"""

import json
import os
import pathlib
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from flatten import flatten

ROOT = pathlib.Path(__file__).resolve().parents[1]


class NoManagedPolicies:
    """A loader of no managed policies, because the template uses none of SAM's short names."""

    def load(self):
        return {}


def read(path):
    return yaml_parse(path.read_text(encoding="utf-8"))


def flat(path):
    """Returns a template of this project without nested stacks."""
    template = read(path)
    return flatten(template, lambda name: flat(nested(path, name)))


def nested(path, name):
    return path.parent / read(path)["Resources"][name]["Properties"]["TemplateURL"]


def main():
    given = pathlib.Path(sys.argv[1])
    # Packaging replaces a nested template's path with an address. The source still has the path.
    source = given if given.name == "project.yaml" else ROOT / "template.yaml"
    template = flatten(read(given), lambda name: flat(nested(source, name)))
    # The translator needs a region only for the partition, which the template leaves to CloudFormation.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = transform(template, {}, NoManagedPolicies())
    template.pop("Transform", None)
    kinds = {name: resource["Type"] for name, resource in template["Resources"].items()}
    refused = [name for name, kind in kinds.items() if "Serverless" in kind or kind == "AWS::CloudFormation::Stack"]
    if refused:
        sys.exit("still serverless or nested: " + ", ".join(refused))
    json.dump(template, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
