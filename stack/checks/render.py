"""Renders a CloudFormation template for one set of parameters: decides conditions and evaluates functions.

What AWS would make up (names, ARNs, ids) is made up here in the same form. A function or attribute that this file does not
know is an error, so that nothing is left out of a check in silence.
"""

import pathlib
import re

import yaml

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "111122223333",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "demo",
}
# A name like those that CloudFormation gives to nested stacks.
NESTED_NAME = "{parent}-{name}-1ABCDEFGHIJKL"
NO_VALUE = object()

# The ARN of each type of resource that a template here refers to, after `arn:PARTITION:`.
ARNS = {
    "AWS::CloudFormation::WaitConditionHandle": "cloudformation:{region}:{account}:stack/{name}",
    "AWS::CodeBuild::Project": "codebuild:{region}:{account}:project/{name}",
    "AWS::CodeBuild::ReportGroup": "codebuild:{region}:{account}:report-group/{name}",
    "AWS::CodeCommit::Repository": "codecommit:{region}:{account}:{name}",
    "AWS::CodePipeline::Pipeline": "codepipeline:{region}:{account}:{name}",
    "AWS::EC2::SecurityGroup": "ec2:{region}:{account}:security-group/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::Version": "lambda:{region}:{account}:function:{name}:1",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
}
# The ends of the names of exports, and what they are. Every other export is a name.
IMPORTS = {
    "-FunctionArn": "AWS::Lambda::Function",
    "-LifecycleFunctionArn": "AWS::Lambda::Function",
    "-FailureQueueArn": "AWS::SQS::Queue",
    "-ArtifactBucketName": "AWS::S3::Bucket",
    "-PipelineBucketName": "AWS::S3::Bucket",
}
# The properties that name a resource, for types whose name a template may choose.
NAME_PROPERTIES = ("Name", "RepositoryName", "FunctionName", "LogGroupName")
# The largest lengths of the names of these types.
NAME_LIMITS = {
    "AWS::Events::Rule": 64,
    "AWS::IAM::Role": 64,
    "AWS::Lambda::Function": 64,
    "AWS::S3::Bucket": 63,
    "AWS::SQS::Queue": 80,
    "AWS::Serverless::Function": 64,
}
# Types whose Ref is the ARN. Every other Ref is the name.
REF_IS_ARN = ("AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::Lambda::Version", "AWS::CodeBuild::ReportGroup")


class RenderError(Exception):
    """A template has something that this renderer does not support, or that CloudFormation would refuse."""


def load(path):
    """Returns a template with its short functions (`!Ref x`) in their long form (`{"Ref": "x"}`)."""
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader)


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags."""


def long_form(loader, tag, node):
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if tag == "GetAtt" else value}
    construct = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
    return {name: construct(node, deep=True)}


Loader.add_multi_constructor("!", long_form)


class Stack:
    """A template with its parameters, as CloudFormation would see it."""

    def __init__(self, path, parameters=None, pseudo=None, template=None):
        self.path = pathlib.Path(path)
        self.template = template or load(path)
        self.pseudo = PSEUDO | (pseudo or {})
        self.parameters = self._parameters(parameters or {})
        self._nested = {}

    def _parameters(self, given):
        declared = self.template.get("Parameters", {})
        if unknown := set(given) - set(declared):
            raise RenderError(f"{self.path}: no parameters {sorted(unknown)}")
        values = {}
        for name, declaration in declared.items():
            if name not in given and "Default" not in declaration:
                raise RenderError(f"{self.path}: parameter {name} has no value")
            values[name] = value = str(given.get(name, declaration.get("Default")))
            allowed = declaration.get("AllowedValues")
            if allowed and value not in map(str, allowed):
                raise RenderError(f"{self.path}: {name}={value!r} is not one of {allowed}")
            pattern = declaration.get("AllowedPattern")
            if pattern and not re.fullmatch(pattern, value):
                raise RenderError(f"{self.path}: {name}={value!r} does not match {pattern}")
            if "List" in declaration["Type"]:
                values[name] = [item.strip() for item in value.split(",")] if value else []
        return values

    def broken_rules(self):
        """Returns the descriptions of the template's rules that these parameters break."""
        broken = []
        for rule in self.template.get("Rules", {}).values():
            if self.holds(rule.get("RuleCondition", True)):
                for assertion in rule["Assertions"]:
                    if not self.holds(assertion["Assert"]):
                        broken.append(assertion["AssertDescription"])
        return broken

    def resources(self):
        """Yields the name and the rendered body of every resource that exists with these parameters."""
        for name, resource in self.template["Resources"].items():
            if "Condition" not in resource or self.condition(resource["Condition"]):
                yield name, self.evaluate({key: resource[key] for key in resource if key != "Condition"})

    def nested(self):
        """Yields the stacks of nested templates in this folder."""
        for name, resource in self.template["Resources"].items():
            if resource["Type"] == "AWS::CloudFormation::Stack":
                if "Condition" not in resource or self.condition(resource["Condition"]):
                    yield name, self._child(name)

    def _child(self, name):
        if name not in self._nested:
            properties = self.template["Resources"][name]["Properties"]
            given = self.evaluate(properties.get("Parameters", {}))
            given = {key: ",".join(value) if isinstance(value, list) else value for key, value in given.items()}
            path = self.path.parent / properties["TemplateURL"]
            stack_name = NESTED_NAME.format(parent=self.pseudo["AWS::StackName"], name=name)
            pseudo = self.pseudo | {"AWS::StackName": stack_name}
            self._nested[name] = Stack(path, given, pseudo)
        return self._nested[name]

    def condition(self, name):
        """Returns whether the condition with this name is true."""
        return self.holds(self.template["Conditions"][name])

    def holds(self, value):
        """Returns whether a condition function is true."""
        if isinstance(value, bool):
            return value
        (function, argument), = value.items()
        match function:
            case "Condition":
                return self.condition(argument)
            case "Fn::Equals":
                left, right = map(self.evaluate, argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(map(self.holds, argument))
            case "Fn::Or":
                return any(map(self.holds, argument))
        raise RenderError(f"{self.path}: {function} is not known as a condition")

    def evaluate(self, value):
        """Returns a value of the template with every function in it evaluated."""
        if isinstance(value, list):
            return [item for item in map(self.evaluate, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._function(function, argument)
        evaluated = {key: self.evaluate(item) for key, item in value.items()}
        return {key: item for key, item in evaluated.items() if item is not NO_VALUE}

    def _function(self, function, argument):
        match function:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case "Fn::If":
                name, then, otherwise = argument
                return self.evaluate(then if self.condition(name) else otherwise)
            case "Fn::Sub":
                return self._substitute(argument)
            case "Fn::Join":
                separator, items = argument
                return separator.join(map(str, self.evaluate(items)))
            case "Fn::Split":
                separator, text = argument
                return self.evaluate(text).split(separator)
            case "Fn::Select":
                index, items = argument
                return self.evaluate(items)[int(index)]
            case "Fn::ImportValue":
                return self._import(self.evaluate(argument))
            case "Fn::FindInMap":
                table, first, second = map(self.evaluate, argument)
                return self.template["Mappings"][table][first][second]
        raise RenderError(f"{self.path}: {function} is not known")

    def _import(self, name):
        for end, kind in IMPORTS.items():
            if name.endswith(end):
                return self._arn(ARNS[kind], name) if end.endswith("Arn") else name.lower()
        raise RenderError(f"{self.path}: {name} is not known as an export")

    def _substitute(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})

        def value(match):
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return str(self.evaluate(own[name]))
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name == "AWS::StackId":
            return self._arn("cloudformation:{region}:{account}:stack/{name}/0123abcd", self.pseudo["AWS::StackName"])
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        kind = self._resource(name)["Type"]
        return self._attribute(name, "Arn") if kind in REF_IS_ARN else self._name(name)

    def _attribute(self, name, attribute):
        resource = self._resource(name)
        if attribute.startswith("Outputs."):
            child = self._child(name)
            return child.evaluate(child.template["Outputs"][attribute.removeprefix("Outputs.")]["Value"])
        if attribute == "Arn" and resource["Type"] in ARNS:
            return self._arn(ARNS[resource["Type"]], self._name(name))
        if attribute in ("Name", "QueueName"):
            return self._name(name)
        if attribute in ("CloneUrlHttp", "GroupId"):
            return f"{attribute}-of-{name}"
        raise RenderError(f"{self.path}: {name}.{attribute} is not known")

    def _resource(self, name):
        if name not in self.template["Resources"]:
            raise RenderError(f"{self.path}: {name} is neither a parameter nor a resource")
        resource = self.template["Resources"][name]
        if "Condition" in resource and not self.condition(resource["Condition"]):
            raise RenderError(f"{self.path}: {name} is referred to but not made ({resource['Condition']} is false)")
        return resource

    def _name(self, name):
        resource = self.template["Resources"][name]
        for key in NAME_PROPERTIES:
            if key in resource.get("Properties", {}):
                return self.evaluate(resource["Properties"][key])
        # CloudFormation cuts the stack's name to the length that the type's limit leaves.
        left = NAME_LIMITS.get(resource["Type"], 128) - len(name) - 1
        made_up = f"{self.pseudo['AWS::StackName'][:left]}-{name}"
        return made_up.lower() if resource["Type"] == "AWS::S3::Bucket" else made_up

    def _arn(self, form, name):
        fields = {"region": self.pseudo["AWS::Region"], "account": self.pseudo["AWS::AccountId"], "name": name}
        return f"arn:{self.pseudo['AWS::Partition']}:" + form.format(**fields)
