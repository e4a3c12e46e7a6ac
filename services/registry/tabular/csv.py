"""CSV: the first block of an object, which says its columns; rows aren't counted."""

from chassis.sandbox.child.csv_schema import BLOCK_BYTES, read_beginning
from services.registry.tabular.part import Part, Read


async def first_block(read: Read, size_bytes: int) -> bytes:
    """As the object has it, packed or not."""
    return await read(0, min(BLOCK_BYTES, size_bytes))


def part(block: bytes, size_bytes: int, content_type: str | None) -> Part:
    """What a block says. Raises: Unreadable."""
    found = read_beginning(block, whole=len(block) == size_bytes, content_type=content_type)
    return Part(found, None)
