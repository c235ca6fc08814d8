"""Git as a child process, without the user's configuration."""

import os
import subprocess

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@example.com",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@example.com",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}


def git(*arguments, directory=None, **options):
    """Returns git's output as bytes."""
    where = [] if directory is None else ["--git-dir", directory]
    command = ["git", *where, *arguments]
    environment = ENVIRONMENT | options.pop("environment", {})
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, **options).stdout


def line(*arguments, **options):
    return git(*arguments, **options).decode().strip()
