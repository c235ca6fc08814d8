"""Lists the crates that are linked into the programs, and writes them as a bill of materials in CycloneDX's form.

`cargo tree` knows which crates the selected features link for a target. Macros, tests and build scripts are not part of a binary.
"""

import json
import pathlib
import re
import subprocess
import uuid
from dataclasses import dataclass, field

PACKAGES = ["--package", "codecommit-multibranch", "--package", "codecommit-cli"]
PROJECT = "codecommit-multibranch"


@dataclass
class Crate:
    """A crate. `needs` has the keys of the crates that it uses, and `folder` its sources. Our own crates have no checksum."""

    name: str
    version: str
    license: str
    folder: pathlib.Path | None = None
    checksum: str | None = None
    needs: set = field(default_factory=set)

    @property
    def key(self):
        return f"pkg:cargo/{self.name}@{self.version}"


def linked(root, triples):
    """Returns the crates that are linked into the programs for these targets, and Rust's own library, sorted."""
    targets = [word for triple in triples for word in ("--target", triple)]
    edges = ["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "|{p}"]
    tree = run(["cargo", "tree", "--locked", *PACKAGES, *targets, *edges], root)
    described = json.loads(run(["cargo", "metadata", "--locked", "--format-version", "1"], root))["packages"]
    known = {(package["name"], package["version"]): package for package in described}
    sums = checksums((root / "Cargo.lock").read_text(encoding="utf-8"))
    crates = {}
    for name_and_version, needs in read_tree(tree).items():
        name, version = name_and_version
        package = known[name_and_version]
        keys = {f"pkg:cargo/{name}@{version}" for name, version in needs}
        license = package["license"].replace("/", " OR ")
        folder = pathlib.Path(package["manifest_path"]).parent
        crates[name_and_version] = Crate(name, version, license, folder, sums.get(name_and_version), keys)
    rust = re.match(r"rustc (\S+)", run(["rustc", "--version"], root))[1]
    # The library has no sources here. Its license is that of the compiler.
    return [*(crates[key] for key in sorted(crates)), Crate("rust-std", rust, "MIT OR Apache-2.0")]


def run(command, root):
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def read_tree(text):
    """Reads lines `DEPTH|NAME vVERSION …`. A crate has its dependencies where it stands first."""
    needs, above = {}, []
    for line in text.splitlines():
        found = re.match(r"(\d+)\|(\S+) v(\S+)", line)
        if not found:
            continue
        depth, crate = int(found[1]), (found[2], found[3])
        del above[depth:]
        needs.setdefault(crate, set())
        if above:
            needs[above[-1]].add(crate)
        above.append(crate)
    return needs


def checksums(lock):
    """Returns the SHA-256 of each crate of the registry, from Cargo.lock."""
    form = r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]{64})"'
    return {(name, version): digest for name, version, digest in re.findall(form, lock)}


def text(version, crates, seconds):
    """Returns the bill of materials. `seconds` is the time of the release's commit."""
    from datetime import datetime, timezone

    program = component(Crate(PROJECT, version, "MIT OR Apache-2.0"), "application")
    program["bom-ref"] = PROJECT
    components = [component(crate, "library") for crate in crates]
    roots = [crate.key for crate in crates if crate.name in (PROJECT, "codecommit-cli")]
    dependencies = [{"ref": crate.key, "dependsOn": sorted(crate.needs)} for crate in crates]
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": program,
        },
        "components": components,
        "dependencies": [{"ref": PROJECT, "dependsOn": roots}, *dependencies],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    return json.dumps({**body, "serialNumber": f"urn:uuid:{serial}"}, indent=1) + "\n"


def component(crate, kind):
    body = {"type": kind, "bom-ref": crate.key, "name": crate.name, "version": crate.version}
    if crate.checksum:
        body |= {"purl": crate.key, "hashes": [{"alg": "SHA-256", "content": crate.checksum}]}
    return body | {"licenses": [{"expression": crate.license}]}
