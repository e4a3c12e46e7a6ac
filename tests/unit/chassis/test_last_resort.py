"""A process that has to end ends, and says where it stood."""

import subprocess
import sys

import pytest

from infra.embedded.layout import CHECKOUT

STUCK = {
    "in a call that never returns": "def stuck():\n    while True: pass\nstuck()",
    "in a task that nothing ends": """
import asyncio
async def stuck():
    while True:
        try: await asyncio.sleep(60)
        except asyncio.CancelledError: pass
asyncio.run(stuck())
""",
}


@pytest.mark.parametrize("program", STUCK.values(), ids=STUCK)
def test_a_stuck_process_ends_with_an_error_and_its_stack(program):
    begin = "from chassis.last_resort import end_process\nend_process(within_s=0.5)\n"
    ended = subprocess.run(
        [sys.executable, "-c", begin + program], cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert "Timeout (0:00:00.500000)!" in ended.stderr
    assert "Thread" in ended.stderr
