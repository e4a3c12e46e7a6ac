"""Toxiproxy before a server: connections cut, slow, half-open, reset. Built once, for the fault tests alone."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

import pytest

from infra.embedded.files import locked
from infra.embedded.layout import CHECKOUT
from infra.embedded.ports import HOST

VERSION: Final = "v2.5.0"
_PACKAGE: Final = f"github.com/Shopify/toxiproxy/v2/cmd/server@{VERSION}"
_BUILD_S: Final = 300
_START_S: Final = 10.0
_ANSWER_S: Final = 5.0
_POLL_S: Final = 0.05

# Which way the bytes go that a fault befalls: from client to server, or back.
_Stream = Literal["upstream", "downstream"]


@dataclass(frozen=True)
class Proxy:
    """One server's proxy. Each fault lasts as long as its block; they may be combined."""

    name: str
    port: int
    _api: str

    @contextmanager
    def cut(self) -> Generator[None]:
        """Every connection is closed, and no new one is taken."""
        self._set(enabled=False)
        try:
            yield
        finally:
            self._set(enabled=True)

    def slow(self, latency_s: float, *, jitter_s: float = 0.0) -> AbstractContextManager[None]:
        """Answers come so much later."""
        return self._with("latency", latency=_ms(latency_s), jitter=_ms(jitter_s))

    def narrow(self, kilobytes_per_s: int) -> AbstractContextManager[None]:
        """Answers come through a thin line."""
        return self._with("bandwidth", rate=kilobytes_per_s)

    def half_open(self) -> AbstractContextManager[None]:
        """Connections stay, and nothing that is said on them arrives; they are closed at the end of the block."""
        return self._with("timeout", "upstream", timeout=0)

    def resetting(self, after_s: float = 0.0) -> AbstractContextManager[None]:
        """Each connection is reset so long after its first answer."""
        return self._with("reset_peer", timeout=_ms(after_s))

    def slow_to_close(self, delay_s: float) -> AbstractContextManager[None]:
        """A connection that one end closes stays open so long for the other."""
        return self._with("slow_close", delay=_ms(delay_s))

    def broken_off(self, after_bytes: int) -> AbstractContextManager[None]:
        """Each connection is closed in the middle of what it carries."""
        return self._with("limit_data", bytes=after_bytes)

    @contextmanager
    def _with(self, kind: str, stream: _Stream = "downstream", **attributes: int) -> Generator[None]:
        name = f"{kind}-{uuid4().hex[:8]}"
        toxic = {"name": name, "type": kind, "stream": stream, "toxicity": 1.0, "attributes": attributes}
        _call("POST", f"{self._api}/proxies/{self.name}/toxics", toxic)
        try:
            yield
        finally:
            _call("DELETE", f"{self._api}/proxies/{self.name}/toxics/{name}")

    def _set(self, *, enabled: bool) -> None:
        _call("POST", f"{self._api}/proxies/{self.name}", {"enabled": enabled})


@dataclass(frozen=True)
class Toxiproxy:
    """The running program."""

    api: str

    def before(self, name: str, port: int) -> Proxy:
        """A proxy on a free port before the server on `port`, which needn't run yet."""
        wanted = {"name": name, "listen": f"{HOST}:0", "upstream": f"{HOST}:{port}", "enabled": True}
        made = _call("POST", f"{self.api}/proxies", wanted)
        return Proxy(name, int(made["listen"].rpartition(":")[2]), self.api)


@contextmanager
def running() -> Generator[Toxiproxy]:
    """Toxiproxy as long as the block; its proxies end with it. Skips the test where it can't be built."""
    port = _free_port()
    command = [str(executable()), "-host", HOST, "-port", str(port)]
    environment = {**os.environ, "LOG_LEVEL": "error"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            yield _started(f"http://{HOST}:{port}", process)
        finally:
            process.kill()


def executable() -> Path:
    """The program, built at its first use."""
    folder = Path(os.environ.get("MLP_DOWNLOADS", CHECKOUT / ".downloads")).resolve()
    built = folder / f"toxiproxy-{VERSION}" / "server"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "toxiproxy.lock"):
        if not built.exists():
            _build(built.parent)
    return built


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("Toxiproxy is built with Go, which is not on this machine")
    environment = {**os.environ, "GOBIN": str(folder)}
    done = subprocess.run(
        ["go", "install", _PACKAGE], env=environment, timeout=_BUILD_S, check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"Toxiproxy could not be built: {done.stderr.strip().splitlines()[-1]}")


def _started(api: str, process: subprocess.Popen[bytes]) -> Toxiproxy:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            _call("GET", f"{api}/version")
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return Toxiproxy(api)


def _call(method: str, url: str, body: Mapping[str, Any] | None = None) -> Any:
    """Raises: OSError, with what Toxiproxy says is wrong."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - our own http address
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise OSError(f"{method} {url}: {error.code} {error.read().decode()}") from error
    return json.loads(text) if text.startswith((b"{", b"[")) else text.decode()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
