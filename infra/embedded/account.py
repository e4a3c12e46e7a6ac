"""The unprivileged user that servers run as which refuse root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether this user can reach what lies in `folder`, whatever permission or ACL decides it."""
        test = subprocess.run(
            ["/usr/bin/test", "-x", str(folder)], user=self.uid, group=self.gid, extra_groups=[], check=False, cwd="/"
        )
        return test.returncode == 0


def unprivileged_account() -> Account | None:
    """The account to drop to, or None where we are nobody special already."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise LookupError("this system has neither a user `postgres` nor a user `nobody`")
