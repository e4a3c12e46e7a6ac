"""A model's code runs with nothing but the interpreter and its own artifact: what else it tries fails."""

import os
import socket
import time

import pyarrow as pa
import pytest

from chassis.sandbox.command import check_sandbox
from chassis.sandbox.errors import SandboxUnavailable
from chassis.sandbox.settings import SandboxSettings
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.hostile.bombs import bomb
from tests.integration.executor.bench import Bench, features, predicting, score, signature
from tests.integration.executor.conftest import warmed
from tests.integration.executor.test_scoring_faults import eventually, processes

TABLE = pa.table({"f0": [1.0, 2.0]})

PROBE = """(lambda attempt: (lambda text: type('Probe', (), {
    'predict': lambda self, rows: __import__('numpy').array([text] * len(rows))})())(attempt()))(lambda: """
ATTEMPT = "(lambda scope: (exec({source!r}, scope), scope['seen'])[1])({{}})"


def probe(source: str) -> str:
    """A model that runs the statements when it is loaded and predicts what they leave in `seen`."""
    return f"{PROBE}{ATTEMPT.format(source=source)})"


async def seen(bench: Bench, driver: WarmDriver, source: str) -> str:
    model = bench.code(probe(source), signature=signature(names=["f0"]))
    output = bench.read(await score(driver, bench.job(bench.parquet(TABLE), model)))
    return output.rows["prediction"][0].as_py()


def trying(statement: str) -> str:
    return f"try:\n    {statement}\n    seen = 'worked'\nexcept Exception as error:\n    seen = type(error).__name__\n"


async def test_no_file_of_the_host_can_be_read(bench: Bench, driver: WarmDriver, s3) -> None:
    for path in ("/etc/passwd", "/etc/shadow", __file__, "/proc/1/environ"):
        assert await seen(bench, driver, trying(f"open({path!r}, 'rb').read()")) in {
            "FileNotFoundError",
            "PermissionError",
        }


async def test_no_network_not_even_loopback(bench: Bench, driver: WarmDriver, s3) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connect = f"__import__('socket').create_connection(('127.0.0.1', {port}), timeout=2)"
        assert await seen(bench, driver, trying(connect)) in {"OSError", "ConnectionRefusedError"}
    assert (
        await seen(
            bench, driver, "import os\nseen = ','.join(os.listdir('/sys/class/net')) if os.path.exists('/sys') else ''"
        )
        == ""
    )


async def test_nothing_can_be_written_outside_of_a_small_tmp(bench: Bench, driver: WarmDriver) -> None:
    for folder in ("/", "/scoring", "/scoring/model", "/scoring/child", "/usr/lib", "/dev"):
        assert await seen(bench, driver, trying(f"open({folder!r} + '/x', 'w').write('x')")) in {
            "OSError",
            "PermissionError",
            "FileNotFoundError",
        }
    fill = trying("f = open('/tmp/big', 'wb')\n    [f.write(bytes(1 << 20)) for _ in range(300)]")
    assert await seen(bench, driver, fill) == "OSError"


async def test_no_credential_is_in_its_environment(bench: Bench, driver: WarmDriver) -> None:
    names = await seen(bench, driver, "import os\nseen = ' '.join(sorted(os.environ))")
    assert not [
        name
        for name in names.split()
        if name.startswith(("MLP_", "AWS_", "SPARK", "PY")) and name != "PYTHONDONTWRITEBYTECODE"
    ]


async def test_it_is_nobody_and_sees_no_process_of_ours(bench: Bench, driver: WarmDriver) -> None:
    source = "import os\nseen = f\"{os.getuid()} {len([n for n in os.listdir('/proc') if n.isdigit()])}\""
    uid, processes = (await seen(bench, driver, source)).split()
    assert int(processes) <= 3
    if os.getuid() == 0:
        assert int(uid) >= 1_000_000
    caps = "seen = [line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')][0]"
    assert int(await seen(bench, driver, caps), 16) == 0


async def test_it_can_make_no_user_namespace(bench: Bench, driver: WarmDriver) -> None:
    assert await seen(bench, driver, "import ctypes\nseen = str(ctypes.CDLL(None).unshare(0x10000000))") == "-1"


async def test_a_fork_bomb_hits_its_limit(bench: Bench, driver: WarmDriver) -> None:
    source = """
import os, signal, time
children = []
try:
    while len(children) < 500:
        children.append(os.fork())
        if not children[-1]:
            time.sleep(30)
            os._exit(0)
except OSError as error:
    seen = f'{type(error).__name__} {len(children) < 100}'
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""
    assert await seen(bench, driver, source) == "BlockingIOError True"


async def test_memory_has_a_limit(bench: Bench, driver: WarmDriver) -> None:
    assert await seen(bench, driver, trying("bytearray(8 << 30)")) == "MemoryError"


async def test_a_child_that_ends_itself_fails_the_job_readably(bench: Bench, driver: WarmDriver) -> None:
    model = bench.code(predicting("(print('bye'), __import__('os')._exit(7))"), signature=signature(names=["f0"]))
    with pytest.raises(ScoringError) as caught:
        await score(driver, bench.job(bench.parquet(TABLE), model))
    assert caught.value.code == "model-crashed"
    assert "exit status 7" in caught.value.message


FORGE = """
import os, socket
for fd in range(3, 64):
    try:
        socket.socket(fileno=os.dup(fd)).send(b'{"ok": true, "sizes": []}')
    except OSError:
        pass
seen = 'sent'
"""
CLOSE = "[__import__('os').close(fd) for fd in range(3, 64) if fd != 1]"


@pytest.mark.parametrize("expression", [probe(FORGE), predicting(CLOSE)], ids=["forged", "closed"])
async def test_a_forged_answer_fails_the_job_and_nothing_else(
    bench: Bench, driver: WarmDriver, expression: str
) -> None:
    model = bench.code(expression, signature=signature(names=["f0"]))
    with pytest.raises(ScoringError) as caught:
        await score(driver, bench.job(bench.parquet(TABLE), model))
    assert caught.value.code in {"prediction-shape", "model-failed"}
    assert driver.ready


def test_a_machine_that_can_not_hold_code_is_told(
    monkeypatch: pytest.MonkeyPatch, scoring_settings: ScoringSettings
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    settings = scoring_settings.sandbox.model_copy(update={"processes": 63})
    with pytest.raises(SandboxUnavailable) as caught:
        check_sandbox(settings)
    assert caught.value.code == "sandbox-unavailable"
    assert "bwrap" in str(caught.value)
    check_sandbox(SandboxSettings(mode="off"))


ONE = signature(names=["f0"])
FORKS = "[o.fork() or (bytearray(b'x') * (500 << 20), t.sleep(60)) for _ in range(5)]"
FILES = "[o.write(f, bytes(64 << 20)) for f in map(o.memfd_create, 'abc') for _ in range(15)]"


@pytest.mark.parametrize("taking", [FORKS, FILES], ids=["forks", "files in memory that are not mapped"])
async def test_a_models_processes_together_take_no_more_than_one_may(
    bench: Bench, scoring_settings: ScoringSettings, taking: str
) -> None:
    sandbox = scoring_settings.sandbox.model_copy(update={"memory_bytes": 2 << 30})
    body = f"(lambda o, t: ({taking}, t.sleep(60)))(__import__('os'), __import__('time'))"
    async with warmed(scoring_settings.model_copy(update={"sandbox": sandbox})) as driver:
        with pytest.raises(ScoringError) as caught:
            await score(driver, bench.job(bench.parquet(TABLE), bench.code(predicting(body), signature=ONE)))
        assert caught.value.code == "model-crashed"
        assert "together held more than 2048 MB" in caught.value.message
        assert driver.ready
        await eventually(lambda: not processes(driver, "bwrap"), timeout_s=5)


async def test_memory_that_outlives_processes_can_not_be_had(bench: Bench, driver: WarmDriver) -> None:
    shmget = "__import__('ctypes').CDLL(None).shmget(0, 4096, 0o1600)"
    outcome = await score(
        driver, bench.job(bench.parquet(TABLE), bench.code(predicting(f"[{shmget}] * len(rows)"), signature=ONE))
    )
    assert set(bench.read(outcome).rows["prediction"].to_pylist()) == {-1}


async def test_a_child_that_goes_on_working_is_not_kept(bench: Bench, driver: WarmDriver) -> None:
    spin = "o.fork() or [None for _ in iter(int, 1)]"
    body = f"(lambda o: ([{spin} for _ in range(2)], np.zeros(len(rows)))[1])(__import__('os'))"
    job = bench.job(bench.parquet(features(10)), bench.code(predicting(body), signature=ONE))
    await score(driver, job)
    await eventually(lambda: not processes(driver, "bwrap", job.model.sha256), timeout_s=8)


@pytest.mark.parametrize(
    "leaving",
    ["__import__('threading').Thread(target=t.sleep, args=(600,), daemon=True).start()", "o.fork() or t.sleep(600)"],
    ids=["a thread", "a process"],
)
async def test_a_child_that_leaves_something_behind_is_not_kept(bench: Bench, driver: WarmDriver, leaving: str) -> None:
    body = f"(lambda o, t: ({leaving}, np.zeros(len(rows)))[1])(__import__('os'), __import__('time'))"
    job = bench.job(bench.parquet(features(10)), bench.code(predicting(body), signature=ONE))
    await score(driver, job)
    await eventually(lambda: not processes(driver, "bwrap", job.model.sha256), timeout_s=1)
    good = bench.job(bench.parquet(features(10)), bench.code(predicting("np.ones(len(rows))"), signature=ONE))
    await score(driver, good)
    kept = processes(driver, "bwrap", good.model.sha256)
    await score(driver, good)
    assert kept == processes(driver, "bwrap", good.model.sha256) != []


async def test_a_small_graph_that_makes_six_gigabytes_meets_the_limit_and_leaves_the_driver_warm(
    bench: Bench, driver: WarmDriver
) -> None:
    model = bench.model(bomb("Expand"), "model.onnx", format="onnx")
    with pytest.raises(ScoringError) as caught:
        await score(driver, bench.job(bench.parquet(features(10)), model))
    assert (caught.value.code, caught.value.retryable) == ("artifact-unreadable", False)
    assert "the sandbox's memory limit of 4096 MB was reached" in caught.value.message
    assert driver.ready


async def test_a_model_that_crashes_is_to_blame_at_once_and_leaves_the_driver_warm(
    bench: Bench, driver: WarmDriver
) -> None:
    good = bench.job(bench.parquet(features(10)), bench.code(predicting("np.zeros(len(rows))"), signature=ONE))
    await score(driver, good)
    bad = bench.code(predicting("__import__('os').kill(__import__('os').getpid(), 11)"), signature=ONE)
    with pytest.raises(ScoringError) as caught:
        await score(driver, bench.job(bench.parquet(features(10)), bad))
    began = time.monotonic()
    await score(driver, good)
    assert (caught.value.code, caught.value.retryable) == ("model-crashed", False)
    assert time.monotonic() - began < 0.5
