"""The operators' command finds an execution's last attempt in the store, and its log in the bucket."""

import asyncio
import json
import os
import sys
import uuid

from infra.embedded.layout import CHECKOUT
from tests.integration.executor.control.jobs import result_of, started


async def test_an_executions_log_is_shown_by_its_id_and_followed_to_its_end(
    world, deploy, driver, bench, mongo, s3
) -> None:
    environment = {
        "MLP_MONGO_URL": mongo.url.get_secret_value(),
        "MLP_S3_ENDPOINT": s3.endpoint,
        "MLP_S3_ACCESS_KEY": s3.access_key.get_secret_value(),
        "MLP_S3_SECRET_KEY": s3.secret_key.get_secret_value(),
    }

    async def shown(*arguments: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "services.executor.logs", *arguments],
            env={**os.environ, **environment},
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, output.decode()

    execution_id = await world.run(await deploy())
    job = await started(driver, execution_id)
    assert "isn't there yet" in (await shown(execution_id))[1]

    lines = [{"time": "t", "source": "driver", "event": name} for name in ("started", "finished")]
    key = f"{job.output_prefix.removeprefix('s3://results/')}log.jsonl"
    bench.results.put(key, json.dumps(lines[0]).encode() + b"\n")
    following = asyncio.create_task(shown(execution_id, "--follow"))
    await asyncio.sleep(4)
    assert not following.done()
    bench.results.put(key, b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    await driver.end(result_of(job))
    code, output = await following

    assert (code, [line.split()[-1] for line in output.splitlines()[1:]]) == (0, ["started", "finished"])
    code, output = await shown(str(uuid.uuid4()))
    assert (code, "there is no execution" in output) == (1, True)
