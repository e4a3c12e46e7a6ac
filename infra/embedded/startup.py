"""Bringing parts up: each prepares, starts and becomes ready in a thread of its own."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from infra.embedded import stackfile
from infra.embedded.errors import StackError
from infra.embedded.part import Connection, Context, Part
from infra.embedded.parts import parts, variable_of
from infra.embedded.program import Program, install, log_of, uninstall
from infra.embedded.readiness import Watch, await_ready
from infra.embedded.report import Report
from infra.embedded.services import Instance, Service, instances
from infra.embedded.supervision import ProcessInfo, Supervisor
from infra.embedded.tool import last_line

_INTERRUPT_S: Final = 0.3
_Item = TypeVar("_Item", Part, Instance)


class Startup:
    """One `up`, that waits for each part as long as `patience_s`."""

    def __init__(self, context: Context, supervisor: Supervisor, report: Report, *, patience_s: float) -> None:
        self._context, self._supervisor, self._report = context, supervisor, report
        self._patience_s = patience_s
        self._stop = threading.Event()

    def run(self, servers: Collection[str], services: Sequence[Service]) -> None:
        """Servers first, all at once; then services, all at once."""
        running = self._supervisor.processes()
        chosen = parts(servers, self._context, running=running)
        wanted = instances(services, self._context, running=running)
        self._drop_surplus(chosen, wanted)
        self._publish(chosen, wanted, running)
        self._in_parallel(self._bring_up_server, chosen)
        if wanted:
            connections = self._connections(chosen, services)
            self._in_parallel(lambda instance: self._bring_up_service(instance, connections), wanted)

    def again(self, name: str, probe: Callable[[], None], *, address: str) -> None:
        """Restart a program that this stack runs, and wait until it is ready.

        Raises:
            StackError: it isn't ready in time.
        """
        begun = time.monotonic()
        self._report.begin(name, "stopping")
        self._supervisor.restart(name)
        self._report.begin(name, "starting")
        self._await(name, probe, ours=True)
        self._record_pid(name)
        self._report.done(name, address, seconds=time.monotonic() - begun)

    def _drop_surplus(self, chosen: Iterable[Part], wanted: Iterable[Instance]) -> None:
        """Programs of the services and servers at hand that are no longer asked for."""
        keep = {instance.name for instance in wanted}
        services = {instance.service.name for instance in wanted}
        surplus = {part.name for part in chosen if part.server is None}
        for path in self._context.layout.programs.glob("*.ini"):
            if stackfile.service_of(path.stem) in services and path.stem not in keep:
                surplus.add(path.stem)
        for name in surplus:
            uninstall(name, self._context.layout)

    def _publish(self, chosen: Iterable[Part], wanted: Iterable[Instance], running: Mapping[str, ProcessInfo]) -> None:
        """Pids of what is still to start are the supervisor's to fill in."""

        def pid(name: str) -> int | None:
            return running[name].pid if name in running else None

        def edit(content: dict[str, Any]) -> None:
            servers, services = content.setdefault("servers", {}), content.setdefault("services", {})
            for part in chosen:
                content[part.name] = part.connection.described()
                servers.pop(part.name, None)
                if part.server is not None:
                    servers[part.name] = {"pid": pid(part.name)}
            for name in {instance.service.name for instance in wanted}:
                services[name] = []
            for instance in wanted:
                services[instance.service.name].append({"url": instance.url, "pid": pid(instance.name)})

        stackfile.change(self._context.layout.stack_file, edit)

    def _connections(self, chosen: list[Part], services: Sequence[Service]) -> dict[str, Connection]:
        """To all that services use, also to servers that an earlier `up` brought up."""
        names = {part.name for part in chosen}
        others = {need for service in services for need in service.needs} - names
        return {part.name: part.connection for part in (*chosen, *parts(others, self._context, running=others))}

    def _bring_up_server(self, part: Part) -> None:
        begun, outcome = time.monotonic(), part.connection.url
        if part.server is None:
            outcome += " (not ours)"
        else:
            self._report.begin(part.name, "preparing")
            part.server.prepare()
            self._start(part.server.program())
        for step, probe in (("starting", part.connection.probe), ("provisioning", part.connection.provision)):
            self._report.begin(part.name, step)
            self._await(part.name, probe, ours=part.server is not None)
        self._record_pid(part.name)
        self._report.done(part.name, outcome, seconds=time.monotonic() - begun)

    def _bring_up_service(self, instance: Instance, connections: Mapping[str, Connection]) -> None:
        begun = time.monotonic()
        self._report.begin(instance.name, "starting")
        self._start(instance.program(self._context, connections))
        self._await(instance.name, instance.probe, ours=True)
        self._record_pid(instance.name)
        self._report.done(instance.name, instance.url, seconds=time.monotonic() - begun)

    def _start(self, program: Program) -> None:
        install(program, self._context.layout)
        self._supervisor.update()

    def _await(self, name: str, probe: Callable[[], None], *, ours: bool) -> None:
        log = log_of(name, self._context.layout)
        watch = Watch(look=lambda: self._supervisor.processes().get(name), last_words=lambda: last_line(log))
        await_ready(
            name,
            probe,
            stop=self._stop,
            watch=watch if ours else None,
            remedy=f"see {log}" if ours else f"look at that server, or unset {variable_of(name)}",
            within_s=self._patience_s,
        )

    def _record_pid(self, name: str) -> None:
        """At once: the supervisor itself does so only when a process has lived for a second."""
        info = self._supervisor.processes().get(name)
        if info is not None and info.pid is not None:
            stackfile.record_pid(self._context.layout.stack_file, name, info.pid)

    def _in_parallel(self, bring_up: Callable[[_Item], None], items: Sequence[_Item]) -> None:
        """All of them to their end, good or bad; then the first error is raised.

        Raises:
            StackError: of the first item that failed.
        """
        errors: list[StackError] = []

        def attempt(item: _Item) -> None:
            try:
                bring_up(item)
            except StackError as error:
                # Ctrl-C reaches a part's tools as well, maybe before it reaches us.
                if self._stop.wait(_INTERRUPT_S):
                    return
                errors.append(error)
                self._report.fail(item.name, error.problem)

        with ThreadPoolExecutor(max_workers=max(1, len(items))) as pool:
            try:
                list(pool.map(attempt, items))
            except BaseException as error:
                self._stop.set()
                if isinstance(error, KeyboardInterrupt):
                    self._report.interrupted()
                raise
        if errors:
            raise errors[0]
