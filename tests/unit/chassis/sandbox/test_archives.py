"""Archives that would leave their folder, or are larger than allowed."""

import io
import tarfile
import zipfile

import pytest

from chassis.sandbox.child.archives import ArchiveRefused, unpacked


def zipped(name, size=3):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * size)
    return buffer.getvalue()


def tarred(name, link=""):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        if link:
            member.type, member.linkname = tarfile.SYMTYPE, link
        archive.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (zipped("../out.py"), "leaves its folder"),
        (zipped("/etc/out.py"), "leaves its folder"),
        (zipped("large", (1 << 30) + 1), "more than 1024 MB"),
        (tarred("../out.py"), "leaves its folder"),
        (tarred("away", link="/etc/passwd"), "leaves its folder"),
        (b"text", "neither a folder nor"),
    ],
)
def test_an_archive_that_would_do_harm_is_refused(tmp_path, raw, reason):
    artifact = tmp_path / "artifact"
    artifact.write_bytes(raw)

    with pytest.raises(ArchiveRefused, match=reason):
        unpacked(artifact)
