"""How far into a CSV object its header line may reach: for whoever fetches its beginning, and whoever parses it."""

from typing import Final

MAX_HEADER_BYTES: Final = 256 << 10
"""The line ends within so many of the object's bytes, and of its text's where that is packed or in UTF-16."""
