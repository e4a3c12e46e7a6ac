"""The embedded stack: the same servers as compose, and the services, as supervised processes."""

import os
import shutil
import time
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from infra.embedded import folder, orphans, s3
from infra.embedded.credentials import Credentials
from infra.embedded.errors import StackError, StopInterrupted
from infra.embedded.files import locked, read_json
from infra.embedded.layout import CHECKOUT, Layout
from infra.embedded.part import Connection, Context
from infra.embedded.parts import SERVERS, parts
from infra.embedded.ports import Ports
from infra.embedded.postgres_files import folder_elsewhere
from infra.embedded.probing import answers
from infra.embedded.readiness import READY_S
from infra.embedded.report import Report, Silence
from infra.embedded.services import SERVICES, probe
from infra.embedded.stackfile import names_of
from infra.embedded.startup import Startup
from infra.embedded.status import Row, rows, with_answers
from infra.embedded.supervision import Supervisor

ALL_SERVICES: Final = tuple(service.name for service in SERVICES)
_POLL_S: Final = 0.1
_ANSWER_S: Final = 1.5


class Stack:
    """One stack and its data folder; `up` and `down` may be called at any time and any number of times.

    Args:
        data: everything that this stack writes, but for what it downloads.
        root: the checkout whose services are run.
        downloads: may be shared by any number of stacks.
        environ: settings; the process's own if left out.
        report: told what goes on.
        patience_s: how long a part may take to get ready.
    """

    def __init__(
        self,
        data: Path,
        *,
        root: Path = CHECKOUT,
        downloads: Path | None = None,
        environ: Mapping[str, str] | None = None,
        report: Report | None = None,
        patience_s: float = READY_S,
    ) -> None:
        settings = dict(os.environ if environ is None else environ)
        shared = downloads or Path(settings.get("MLP_DOWNLOADS", root / ".downloads"))
        self.layout = Layout(root, data.resolve(), shared.resolve())
        self._given = data
        self._report = report or Silence()
        self._context = Context(
            self.layout,
            settings,
            Ports(self.layout.ports_file, settings),
            Credentials(self.layout.secrets_file),
            self._report.begin,
            self._report.note,
        )
        self._supervisor = Supervisor(self.layout)
        self._patience_s = patience_s

    def up(self, *, servers: Collection[str] = SERVERS, services: Collection[str] = ALL_SERVICES) -> dict[str, Any]:
        """Make sure that these run and are ready; what else runs is left alone.

        Returns:
            What `stack.json` holds.

        Raises:
            StackError: a part can't be had; the others run on. Or the data folder holds what no stack made.
            KeyboardInterrupt: what this call has started from nothing is stopped again.
            StopInterrupted: that was interrupted, too.
        """
        folder.claim(self.layout)
        with self._alone():
            self.layout.make()
            found_running = self._supervisor.alive()
            try:
                if not found_running:
                    self._start_supervisor()
                self._startup().run(servers, [service for service in SERVICES if service.name in services])
            except KeyboardInterrupt:
                self._report.interrupted()
                if not found_running:
                    self._down()
                raise
        return self.connections()

    def restart(self, name: str) -> None:
        """Restart what has that name, each when the one before is ready again.

        Args:
            name: a server, a service (all its instances), or one instance (`registry-1`, `registry-2`, …).

        Raises:
            StackError: nothing here has that name, or it doesn't get ready; those after it are left as they are.
        """
        if not folder.adopt(self.layout):
            raise StackError(name, "nothing runs here", remedy="`make up` starts it")
        with self._alone():
            found = {row.name: row for row in rows(self.layout, self._supervisor, self.connections()) if row.url}
            chosen = [row for row in found.values() if name in names_of(row.name)]
            if not chosen:
                known = ", ".join(found) or "nothing"
                raise StackError(name, "nothing of that name runs here", remedy=f"there is {known}")
            for row in chosen:
                self._startup().again(row.name, self._probe(row), address=row.url)

    def down(self) -> None:
        """Stop all of it; nothing that this stack has started is left. Data stays."""
        if not folder.adopt(self.layout):
            orphans.end(orphans.processes_of(self.layout.stack_id))
            return
        with self._alone():
            self._down()

    def clean(self) -> list[Path]:
        """`down`, then delete all that it has made.

        Returns:
            What is left in the data folder, since no stack made it.

        Raises:
            StackError: the data folder isn't a stack's, and nothing is deleted; or not all of it can be.
        """
        folder.check_deletable(self.layout, self._given)
        left: list[Path] = []
        if folder.adopt(self.layout):
            with self._alone():
                self._down()
                left = folder.delete(self.layout)
        else:
            self.down()
        for each in (self.layout.drivers, folder_elsewhere(self.layout)):
            shutil.rmtree(each, ignore_errors=True)
        return left

    def status(self) -> list[Row]:
        """A row for each part, with what it answers now; none if nothing runs."""
        found = rows(self.layout, self._supervisor, self.connections())
        probes = {row.name: self._probe(row) for row in found if row.url}
        return with_answers(found, answers(probes, within_s=_ANSWER_S))

    def _probe(self, row: Row) -> Callable[[], None]:
        return self.connection(row.name).probe if row.name in SERVERS else partial(probe, row.url)

    def connections(self) -> dict[str, Any]:
        """What `stack.json` holds: how to reach what runs, with passwords."""
        return read_json(self.layout.stack_file)

    def connection(self, server: str) -> Connection:
        """How to reach one of the servers, for those who need more than `stack.json` says."""
        return parts([server], self._context, running=[server])[0].connection

    @contextmanager
    def _alone(self) -> Generator[None]:
        def wait() -> None:
            self._report.begin("stack", "waiting for another command")

        with ExitStack() as ending:
            try:
                ending.enter_context(locked(self.layout.mark, make=False, on_wait=wait))
            except FileNotFoundError as error:
                problem = f"{self.layout.data} was deleted meanwhile"
                raise StackError("stack", problem, remedy="give the command again") from error
            yield

    def _startup(self) -> Startup:
        return Startup(self._context, self._supervisor, self._report, patience_s=self._patience_s)

    def _start_supervisor(self) -> None:
        left = orphans.processes_of(self.layout.stack_id)
        if left:
            self._report.begin("stack", f"ending {len(left)} processes of a supervisor that was killed")
            orphans.end(left)
        self.layout.stack_file.unlink(missing_ok=True)
        self._supervisor.start(self._context.environ)

    def _down(self) -> None:
        try:
            self._stop_everything()
        except KeyboardInterrupt as interrupt:
            raise StopInterrupted from interrupt

    def _stop_everything(self) -> None:
        if self._supervisor.alive():
            programs = self._supervisor.processes().keys()
            # Services first: what they have in hand still needs the servers.
            self._stop_all(programs - set(SERVERS))
            self._stop_all(programs & set(SERVERS))
            self._supervisor.shut_down()
        orphans.end(orphans.processes_of(self.layout.stack_id))
        s3.remove_sockets(self._context.ports)
        self.layout.stack_file.unlink(missing_ok=True)
        self.layout.socket.unlink(missing_ok=True)

    def _stop_all(self, names: Collection[str]) -> None:
        begun = time.monotonic()
        for name in names:
            self._report.begin(name, "stopping")
        self._supervisor.stop(names)
        waiting = set(names)
        while waiting:
            states = self._supervisor.processes()
            for name in sorted(waiting):
                if states[name].pid is None:
                    waiting.remove(name)
                    self._report.done(name, "stopped", seconds=time.monotonic() - begun)
            time.sleep(_POLL_S)
