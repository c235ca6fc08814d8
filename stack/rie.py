"""Extracts AWS's runtime interface emulator from the wheel of SAM's command line: rie.py FOLDER-OF-THE-WHEEL TARGET"""

import pathlib
import platform
import sys
import zipfile

folder, target = map(pathlib.Path, sys.argv[1:])
machine = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
(wheel,) = folder.glob("aws_sam_cli-*.whl")
with zipfile.ZipFile(wheel) as archive:
    target.write_bytes(archive.read(f"samcli/local/rapid/aws-lambda-rie-{machine}"))
target.chmod(0o755)
wheel.unlink()
folder.rmdir()
