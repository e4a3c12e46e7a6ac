"""The page that every service serves on its own port: `/health/live`, `/health/ready`, `/metrics`."""

from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from prometheus_client import make_asgi_app
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from chassis.health import Health
from chassis.settings import HttpSettings


class Server(uvicorn.Server):
    """Leaves signals to the service, which has more to stop than its page."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def health_server(health: Health, settings: HttpSettings) -> Server:
    """A server that isn't started yet."""

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> JSONResponse:
        report = await health.report()
        fit = not any(report.values())
        body = {
            "status": "ready" if fit else "not ready",
            "checks": {name: reason or "ok" for name, reason in report.items()},
        }
        return JSONResponse(body, status_code=200 if fit else 503)

    app = Starlette(
        routes=[Route("/health/live", live), Route("/health/ready", ready), Mount("/metrics", make_asgi_app())]
    )
    return Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=3,
        )
    )
