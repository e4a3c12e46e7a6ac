"""Which servers there are, and which of them are ours to run."""

from collections.abc import Collection, Iterable
from typing import Final

from infra.embedded import kafka, mongo, postgres, s3
from infra.embedded.part import Connection, Context, Part

SERVERS: Final = (kafka.NAME, mongo.NAME, s3.NAME, postgres.NAME)
_OWN: Final = {
    kafka.NAME: kafka.KafkaServer,
    mongo.NAME: mongo.MongoServer,
    s3.NAME: s3.S3Server,
    postgres.NAME: postgres.PostgresServer,
}
_VARIABLES: Final = {
    kafka.NAME: kafka.VARIABLE,
    mongo.NAME: mongo.VARIABLE,
    s3.NAME: s3.VARIABLE,
    postgres.NAME: postgres.VARIABLE,
}


def variable_of(server: str) -> str:
    """The setting that points at a server of one's own."""
    return _VARIABLES[server]


def parts(names: Iterable[str], context: Context, *, running: Collection[str]) -> list[Part]:
    """The parts with these names: the settings' server where they point at one, else our own.

    Args:
        names: of `SERVERS`.
        context: to build them from.
        running: those whose ports are taken by themselves.
    """
    return [_external(name, context) or _own(name, context, running=name in running) for name in names]


def _external(name: str, context: Context) -> Part | None:
    environ = context.environ
    connections: dict[str, Connection | None] = {
        kafka.NAME: kafka.external(environ, context.credentials),
        mongo.NAME: mongo.external(environ),
        s3.NAME: s3.external(environ),
        postgres.NAME: postgres.external(environ),
    }
    connection = connections[name]
    return None if connection is None else Part(name, connection, None)


def _own(name: str, context: Context, *, running: bool) -> Part:
    server = _OWN[name](context)
    if not running:
        for port in server.ports:
            context.ports.make_free(port)
    return Part(name, server.connection(), server)
