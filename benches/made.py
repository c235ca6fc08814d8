"""Repositories made up by a fixed rule, so that they are the same everywhere and every time."""

import hashlib
import pathlib
import random
import subprocess

from git import ENVIRONMENT, git

# In the names, so that what was made by another rule is not taken for it.
RULE = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:8]
FILE_BYTES = 10_000
FILES_PER_FOLDER = 20
FOLDERS_PER_FOLDER = 20
LINE_BYTES = 45  # the mean of dialects()
BLOB_BYTES = 2_000_000_000
STAMP = "committer Bench <bench@example.com> 1700000000 +0000"
BLOCK_BYTES = 4 << 20  # far more than deflate looks back: repeating it compresses no better
LETTERS, FREQUENCIES = "etaoinshrdlucmfwypvbgkjqxz_", [12, 9, 8, 7.5, 7, 6.7, 6.3, 6, 6, 4.3, 4, *[2.5] * 9, *[1] * 7]
LENGTHS = (1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 12)
BETWEEN = (" ", " ", ".", "(", ", ", "::", "_", " = ")
ENDS = (" {", ";", ";", "", ",", ")", ");")


def files(folder, count):
    """A bare repository of `count` files of about 10 kB of text, 20 in a folder; some executable, some links."""
    return made(folder / f"files-{count}-{RULE}.git", lambda write: write_files(write, count))


def blob(folder):
    """A bare repository of one file of 2 GB of text."""
    return made(folder / f"blob-{RULE}.git", write_blob)


def made(path, write):
    if path.exists():
        return path
    unfinished = path.with_suffix(".unfinished")
    subprocess.run(["rm", "-rf", unfinished], check=True)
    git("init", "--quiet", "--bare", "--initial-branch=main", unfinished)
    importer = ["git", "--git-dir", unfinished, "-c", "core.compression=6", "fast-import", "--quiet"]
    child = subprocess.Popen(importer, stdin=subprocess.PIPE, env=ENVIRONMENT)
    with child.stdin as stream:
        write(stream.write)
    if child.wait() != 0:
        raise SystemExit(f"git fast-import failed on {path.name}")
    unfinished.rename(path)
    return path


def write_files(write, count):
    choose = random.Random(count)
    groups = dialects()
    begin_commit(write)
    for number in range(count):
        mode = "100755" if number % 50 == 7 else "120000" if number % 200 == 11 else "100644"
        content = b"../readme" if mode == "120000" else text(choose, groups)
        write(f"M {mode} inline {path(number)}\ndata {len(content)}\n".encode() + content + b"\n")
    write(b"done\n")


def write_blob(write):
    block = b"".join(random.Random(1).choices(dialects()[0], k=BLOCK_BYTES // LINE_BYTES))[:BLOCK_BYTES]
    begin_commit(write)
    write(f"M 100644 inline table.txt\ndata {BLOB_BYTES}\n".encode())
    for start in range(0, BLOB_BYTES, len(block)):
        write(block[: BLOB_BYTES - start])
    write(b"\ndone\n")


def begin_commit(write):
    write(f"feature done\ncommit refs/heads/main\n{STAMP}\ndata 5\nMade\n\n".encode())


def path(number):
    folder = number // FILES_PER_FOLDER
    return f"part-{folder // FOLDERS_PER_FOLDER:03}/module-{folder:04}/file-{number:06}.txt"


def dialects():
    """Lines of code, in groups that have words of their own, as the files of one module do.

    Compared with the sources of git and of ripgrep: how far and how fast zlib and libdeflate compress them comes out alike. It does not
    with words out of one short list or out of syllables.
    """
    choose = random.Random(0)
    words = ["".join(choose.choices(LETTERS, FREQUENCIES, k=choose.choice(LENGTHS))) for _ in range(3000)]
    groups = (choose.sample(words, 300) for _ in range(20))
    return [[code_line(choose, group) for _ in range(1000)] for group in groups]


def code_line(choose, words):
    """The first words are frequent, the last are rare."""
    weights = [1 / (rank + 2) for rank in range(len(words))]
    chosen = choose.choices(words, weights, k=choose.randint(1, 9))
    code = "".join(word + choose.choice(BETWEEN) for word in chosen)
    return f"{'    ' * choose.randint(0, 4)}{code}{choose.choice(ENDS)}\n".encode()


def text(choose, dialects):
    """Sizes are spread as in real repositories: most files are small, few are large."""
    lines = choose.choice(dialects)
    length = FILE_BYTES * min(choose.lognormvariate(-0.5, 1), 50)
    return b"".join(choose.choices(lines, k=int(length / LINE_BYTES) + 1))
