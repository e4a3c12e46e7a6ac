"""Prepares servers of one's own: topics, principals and ACLs in Kafka, buckets in the object store.

Where each server is, and who may administer it, is read from the same variables as everywhere; run again, it changes
only what differs.
"""

import os
import sys

from infra.embedded import s3
from infra.embedded.errors import NotReady
from infra.kafka import provision


def main() -> int:
    """Prepare what the environment names; exit code 0 or 1."""
    if provision.main() != 0:
        return 1
    store = s3.external(os.environ)
    if store is None:
        sys.stderr.write(f"s3: set {s3.VARIABLE} to the object store that is to be prepared\n")
        return 1
    try:
        store.probe()
    except NotReady as error:
        sys.stderr.write(f"s3: {error}\n")
        return 1
    sys.stdout.write(f"s3: buckets {', '.join(s3.BUCKETS)} are in place\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
