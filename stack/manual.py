"""The manual pages of the command line in one archive, with the same bytes each time."""

import gzip
import io
import pathlib
import platform
import subprocess
import tarfile
import tempfile

import plain

# The architectures by the names that their kernels give them.
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}


def archive(built, seconds):
    """Returns the archive. `built` has the folder of the binaries for each architecture."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*program(built), "man", folder], cwd=plain.ROOT, check=True)
        pages = sorted(pathlib.Path(folder).iterdir())
        with io.BytesIO() as packed, gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=seconds) as stream:
            with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for page in pages:
                    entry = tarfile.TarInfo(f"man1/{page.name}")
                    entry.size, entry.mtime = page.stat().st_size, seconds
                    tar.addfile(entry, io.BytesIO(page.read_bytes()))
            stream.close()
            return packed.getvalue()


def program(built):
    """Returns a command line that this machine can run: a built one, or one that Cargo builds for another system."""
    own = MACHINES.get(platform.machine()) if platform.system() == "Linux" else None
    if own in built:
        return [built[own] / "codecommit"]
    return ["cargo", "run", "--quiet", "--locked", "--package", "codecommit-cli", "--"]
