"""Asks for the settings of a first deployment, and writes samconfig.toml. All other settings have defaults; docs/deploy.md lists them.

It reads the repository, if there are credentials: its default branch becomes the trunk, and a missing buildspec is said now
instead of by the first failed build.
"""

import json
import pathlib
import re
import sys

TARGET = pathlib.Path("samconfig.toml")
BUILDSPEC = "buildspec.yml"


def main():
    import boto3

    if TARGET.exists():
        sys.exit(f"{TARGET} is there already")
    session = boto3.Session()
    region = ask("AWS region", session.region_name)
    client = session.client("codecommit", region_name=region)
    settings, notes = configure(client, lambda: ask("CodeCommit repository"), ask)
    TARGET.write_text(samconfig(region, settings), encoding="utf-8")
    print("\n".join([f"{TARGET} is written.", *notes]))


def ask(question, default=None):
    """Asks until there is an answer; an empty one is the default."""
    while True:
        answer = input(f"{question} [{default}]: " if default else f"{question}: ").strip()
        if answer or default:
            return answer or default


def configure(client, ask_repository, ask_more):
    """Returns the stack's parameters and the remaining steps."""
    repository = ask_repository()
    found = look_at(client, repository)
    parameters = {"RepositoryName": repository}
    if found.missing:
        answer = ask_more(f"There is no repository {repository}. Shall the stack make it? (yes, no)", "yes")
        if answer.lower() not in ("y", "yes"):
            sys.exit("then make it first, or give the name of another one")
        parameters["CreateRepository"] = "true"
    parameters["TrunkBranch"] = ask_more("Trunk, which does not run the dev pipeline", found.default_branch or "main")
    parameters["NamePrefix"] = name_prefix(repository)
    return parameters, found.notes()


def name_prefix(repository):
    """Returns the first part of the pipelines' names: at most 16 letters, digits, hyphens and underscores."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", repository).lstrip("-_")[:16] or "branches"


def stack_name(prefix):
    """Returns a stack's name, which begins with a letter and has no underscores."""
    name = prefix.replace("_", "-") + "-branches"
    return name if name[0].isalpha() else "stack-" + name


class Found:
    """The facts about the repository before the deployment."""

    def __init__(self, missing=False, default_branch=None, has_buildspec=None, problem=None):
        self.missing, self.default_branch = missing, default_branch
        self.has_buildspec, self.problem = has_buildspec, problem

    def notes(self):
        if self.problem:
            yield f"The repository could not be read ({self.problem}), so nothing of it was checked."
        if not self.has_buildspec:
            yield f"Every branch needs a {BUILDSPEC}, else its build fails: begin with buildspec.example.yml."


def look_at(client, repository):
    try:
        answer = client.get_repository(repositoryName=repository)
    except client.exceptions.RepositoryDoesNotExistException:
        return Found(missing=True)
    except Exception as error:  # noqa: BLE001 - without credentials the questions still have answers
        return Found(problem=error)
    branch = answer["repositoryMetadata"].get("defaultBranch")
    if not branch:
        return Found()
    try:
        client.get_file(repositoryName=repository, commitSpecifier=branch, filePath=BUILDSPEC)
    except client.exceptions.FileDoesNotExistException:
        return Found(default_branch=branch, has_buildspec=False)
    except Exception as error:  # noqa: BLE001
        return Found(default_branch=branch, problem=error)
    return Found(default_branch=branch, has_buildspec=True)


def samconfig(region, parameters):
    """Returns the text of samconfig.toml. JSON's strings are TOML's too."""
    overrides = "".join(f"    {json.dumps(f'{name}={value}')},\n" for name, value in parameters.items())
    return f"""version = 0.1

[default.build.parameters]
cached = false

[default.deploy.parameters]
stack_name = {json.dumps(stack_name(parameters["NamePrefix"]))}
region = {json.dumps(region)}
resolve_s3 = true
capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
confirm_changeset = false
fail_on_empty_changeset = false
parameter_overrides = [
{overrides}]
"""


if __name__ == "__main__":
    main()
