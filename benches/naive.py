"""The script that most people would write: GetFolder and GetFile one after the other, zipped in memory, put at the key, the pipeline started.

Prints `ready` when its clients are made, waits for a line with a commit, prints `done`, and waits for the end of its input: what is
between is what is measured.
"""

import io
import sys
import zipfile

import boto3
from botocore.config import Config

REPOSITORY, BUCKET, KEY, PIPELINE = sys.argv[1:]


def main():
    config = Config(read_timeout=60)
    codecommit, s3, codepipeline = (boto3.client(name, config=config) for name in ("codecommit", "s3", "codepipeline"))
    print("ready", flush=True)
    commit = sys.stdin.readline().strip()
    content = archive(codecommit, commit)
    version = s3.put_object(Bucket=BUCKET, Key=KEY, Body=content)["VersionId"]
    revision = {"actionName": "Source", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": version}
    codepipeline.start_pipeline_execution(name=PIPELINE, sourceRevisions=[revision])
    print("done", len(content), flush=True)
    sys.stdin.read()


def archive(codecommit, commit):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path, data in files(codecommit, commit, "/"):
            zipped.writestr(path, data)
    return content.getvalue()


def files(codecommit, commit, folder):
    """Returns all files below a folder with their contents. Leaves out links and submodules, like most such scripts."""
    listed = codecommit.get_folder(repositoryName=REPOSITORY, commitSpecifier=commit, folderPath=folder)
    for file in listed["files"]:
        path = file["absolutePath"]
        answer = codecommit.get_file(repositoryName=REPOSITORY, commitSpecifier=commit, filePath=path)
        yield path, answer["fileContent"]
    for below in listed["subFolders"]:
        yield from files(codecommit, commit, below["absolutePath"])


main()
