"""Prints a packaged SAM template as plain CloudFormation: what the transform would make of it, made here.

Stack sets with service-managed permissions refuse templates with a transform.
"""

import json
import os
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names no managed policy by SAM's short names, so none need be looked up."""

    def load(self):
        return {}


# The translator asks for a region only to name the partition, which the template leaves to CloudFormation.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
with open(sys.argv[1], encoding="utf-8") as file:
    template = transform(yaml_parse(file.read()), {}, NoManagedPolicies())
template.pop("Transform", None)
serverless = [name for name, resource in template["Resources"].items() if "Serverless" in resource["Type"]]
if serverless:
    sys.exit("still serverless: " + ", ".join(serverless))
json.dump(template, sys.stdout, indent=1)
