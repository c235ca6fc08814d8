"""Makes plain CloudFormation of a template: without SAM's transform, which is carried out here, and without nested stacks.

A person deploys it with the AWS CLI alone, and stack sets with service-managed permissions accept it. The function's zip comes from a
bucket: plain.py TEMPLATE prints the plain template.
"""

import json
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "stack/checks"))

from render import load  # noqa: E402 - it is in the folder of the checks

from flatten import flatten  # noqa: E402

# CloudFormation's limit for a template in a bucket.
LARGEST = 1_048_576
INTERFACE = "AWS::CloudFormation::Interface"


class NoManagedPolicies:
    """A loader of no managed policies, because the template uses none of SAM's short names."""

    def load(self):
        return {}


def plain(path, architectures=("x86_64", "arm64")):
    """Returns a template of this project as plain CloudFormation, for zips of these architectures."""
    template = flat(pathlib.Path(path))
    if "Transform" in template:
        template = transformed(with_code(template, architectures))
    # The console needs only the interface, which groups the parameters. All other metadata are for SAM and our checks.
    template["Metadata"] = {name: body for name, body in template.get("Metadata", {}).items() if name == INTERFACE}
    if not template["Metadata"]:
        del template["Metadata"]
    for resource in template["Resources"].values():
        resource.pop("Metadata", None)
    kinds = {name: resource["Type"] for name, resource in template["Resources"].items()}
    refused = [name for name, kind in kinds.items() if "Serverless" in kind or kind == "AWS::CloudFormation::Stack"]
    if refused:
        raise ValueError("still serverless or nested: " + ", ".join(refused))
    return template


def text(template):
    """Returns a template's text, the same for the same template."""
    written = json.dumps(template, indent=1, ensure_ascii=False) + "\n"
    if len(written.encode()) > LARGEST:
        raise ValueError(f"a template has more than {LARGEST} bytes")
    return written


def version():
    """Returns the version in Cargo.toml, the only place that decides it."""
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^\[workspace\.package\]\nversion = "([^"]+)"$', cargo, re.MULTILINE)[1]


def flat(path):
    """Returns a template without nested stacks."""
    template = load(path)
    return flatten(template, lambda name: flat(path.parent / template["Resources"][name]["Properties"]["TemplateURL"]))


def with_code(template, architectures):
    """Lets the functions' code come from a bucket. The key has the version, so that another release's template changes the code."""
    template["Parameters"] = {
        "CodeBucket": {
            "Type": "String",
            "Description": "The bucket with the files of the release, in the region of this stack.",
            "AllowedPattern": "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        },
        "CodePrefix": {
            "Type": "String",
            "Description": "The first part of their keys, before the version.",
            "AllowedPattern": "([A-Za-z0-9!_.()'=+@-]+/)*",
            "Default": "codecommit-multibranch/",
        },
    } | template["Parameters"]
    group = {"Label": {"default": "The release"}, "Parameters": ["CodeBucket", "CodePrefix"]}
    template["Metadata"][INTERFACE]["ParameterGroups"].insert(0, group)
    template["Parameters"]["Architecture"]["AllowedValues"] = list(architectures)
    key = {"Fn::Sub": f"${{CodePrefix}}{version()}/updates-${{Architecture}}.zip"}
    template["Globals"]["Function"]["CodeUri"] = {"Bucket": {"Ref": "CodeBucket"}, "Key": key}
    return template


def transformed(template):
    from samtranslator.translator.transform import transform

    # The translator needs a region only for the partition, which the template leaves to CloudFormation.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = transform(template, {}, NoManagedPolicies())
    template.pop("Transform", None)
    return template


if __name__ == "__main__":
    sys.stdout.write(text(plain(sys.argv[1])))
