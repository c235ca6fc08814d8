"""Puts a binary into a zip as `bootstrap`, with the same bytes for the same binary, and prints the sizes."""

import os
import sys
import zipfile

binary, archive = sys.argv[1:]
entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
entry.external_attr = 0o100755 << 16
entry.create_system = 3
entry.compress_type = zipfile.ZIP_DEFLATED
with open(binary, "rb") as file, zipfile.ZipFile(archive, "w", compresslevel=9) as out:
    out.writestr(entry, file.read(), compresslevel=9)
mebibytes = [os.path.getsize(path) / 2**20 for path in (binary, archive)]
print("{}: {:.1f} MiB, binary {:.1f} MiB".format(archive, mebibytes[1], mebibytes[0]))
