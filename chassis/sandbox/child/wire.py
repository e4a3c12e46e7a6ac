"""Messages between the Spark worker and the child: a small JSON header, and a memfd with the bytes.

The bytes are in memory made for the message and sealed; or, towards the child alone, in memory of the worker's that is
used again for another message, and that the child maps once.
"""

import array
import fcntl
import json
import mmap
import os
import socket
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

MAX_HEADER_BYTES = 64 * 1024
KEPT_BYTES = 64 << 20
"""Memory of the worker's up to this size is used again."""
_MAPPED = 4
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def send(link: socket.socket, header: dict[str, Any], pieces: tuple[memoryview, ...] = ()) -> None:
    """Sends the header and, in one sealed memfd, the pieces one after another; their sizes go into the header.

    Raises:
        OSError: the other side is gone, or the bytes exceed the limit on file sizes.
    """
    sizes = [piece.nbytes for piece in pieces]
    packet = json.dumps({**header, "sizes": sizes}).encode()
    memory = os.memfd_create("chunk", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for piece in pieces:
            _write(memory, piece)
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, SEALS)
        link.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))])
    finally:
        os.close(memory)


def send_shared(link: socket.socket, header: dict[str, Any], memory: int, number: int, sizes: Sequence[int]) -> None:
    """Sends the header and the descriptor `memory`, in which pieces of these sizes lie one after another.

    Raises:
        OSError: the other side is gone.
    """
    packet = json.dumps({**header, "sizes": list(sizes), "memory": number}).encode()
    link.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))])


class Mappings:
    """The last few memories that the worker has shown, by their numbers. What it shows there is believed."""

    def __init__(self) -> None:
        self._mapped: OrderedDict[int, memoryview] = OrderedDict()

    def of(self, number: int, memory: int) -> memoryview:
        if number in self._mapped:
            return self._mapped[number]
        size = os.fstat(memory).st_size
        view = memoryview(mmap.mmap(memory, size, prot=mmap.PROT_READ))
        if size <= KEPT_BYTES:
            self._mapped[number] = view
            if len(self._mapped) > _MAPPED:
                self._mapped.popitem(last=False)
        return view


def receive(link: socket.socket, mappings: Mappings | None = None) -> tuple[dict[str, Any], list[memoryview]]:
    """The next message; its pieces are mapped, not copied. `mappings`: of who takes memory that is used again.

    Raises:
        EOFError: the other side has ended.
        ValueError: no message of ours, or its memory could still be changed by its sender.
    """
    packet, memory = _receive_packet(link)
    try:
        header: dict[str, Any] = json.loads(packet)
        if mappings is not None and "memory" in header:
            return header, _cut(mappings.of(header["memory"], memory), header["sizes"])
        return header, _pieces(memory, header["sizes"])
    except (TypeError, KeyError, OSError, RecursionError) as error:
        raise ValueError(f"no message of ours: {error}") from error
    finally:
        os.close(memory)


def _receive_packet(link: socket.socket) -> tuple[bytes, int]:
    packet, ancillary, _, _ = link.recvmsg(MAX_HEADER_BYTES, socket.CMSG_SPACE(16 * 4), socket.MSG_CMSG_CLOEXEC)
    if not packet:
        raise EOFError("the other side has ended")
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    for extra in descriptors[1:]:
        os.close(extra)
    if not descriptors:
        raise ValueError("a message without memory")
    return packet, descriptors[0]


def _pieces(memory: int, sizes: list[Any]) -> list[memoryview]:
    # A sender that could shrink the file would end its reader with SIGBUS.
    if fcntl.fcntl(memory, fcntl.F_GET_SEALS) & SEALS != SEALS:
        raise ValueError("the memory is not sealed")
    total = os.fstat(memory).st_size
    if not all(isinstance(size, int) and size >= 0 for size in sizes) or sum(sizes) != total:
        raise ValueError(f"{total} bytes came, {sizes} were announced")
    return _cut(memoryview(mmap.mmap(memory, total, prot=mmap.PROT_READ)) if total else memoryview(b""), sizes)


def _cut(whole: memoryview, sizes: Sequence[int]) -> list[memoryview]:
    pieces, start = list[memoryview](), 0
    for size in sizes:
        pieces.append(whole[start : start + size])
        start += size
    return pieces


def _write(memory: int, piece: memoryview) -> None:
    rest = piece.cast("B") if piece.nbytes else piece
    while rest:
        written = os.write(memory, rest)
        if not written:
            raise OSError("the limit on file sizes cut the bytes short")
        rest = rest[written:]
