"""A store that gives its bytes one by one isn't waited for for ever."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from pydantic import SecretStr

from chassis import objects as module
from chassis.errors import ObjectsUnavailable
from chassis.objects import Location, Objects
from chassis.settings import S3Settings

WHERE = Location("datasets", "sales/a.parquet")
HEAD = b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nETag: "1"\r\nContent-Type: application/xml\r\n\r\n'


@asynccontextmanager
async def dripping(first: bytes):
    """A client of a store that says `first` at once, and then a byte every so often."""

    async def answer(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(first)
        with suppress(asyncio.CancelledError):
            while not writer.is_closing():
                writer.write(b"a")
                await asyncio.sleep(0.05)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    settings = S3Settings(endpoint=f"http://{host}:{port}", access_key="a", secret_key=SecretStr("b" * 8))
    async with Objects(settings) as client:
        yield client
    server.close()


async def listed(client: Objects) -> None:
    async for _ in client.walk(Location("datasets", "sales/")):
        pass


@pytest.mark.parametrize(
    ("first", "do"),
    [
        (HEAD, lambda client: client.get(WHERE, offset=0, length=1000)),
        (HEAD, listed),
        (b"HTTP/1.1 200 OK\r\nX-", lambda client: client.stat(WHERE)),
    ],
    ids=["get", "walk", "stat"],
)
async def test_an_answer_that_drips_is_an_outage_after_a_while(monkeypatch, first, do):
    monkeypatch.setattr(module, "_READ_S", 0.5)
    async with dripping(first) as client, asyncio.timeout(5):
        with pytest.raises(ObjectsUnavailable, match="TimeoutError"):
            await do(client)
