import logging
import os
import sys
from pathlib import Path

RUN_FOLDER = Path(os.environ.get("MLP_RUN_FOLDER", Path(__file__).parents[2] / ".run"))


def main() -> int:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what goes wrong is said in one line by `_run`
    try:
        return _run()
    except KeyboardInterrupt:
        print("demo: interrupted; run it again, every step may be done twice", file=sys.stderr)
        return 130


def _run() -> int:
    from examples.grocery.demo import run_demo  # takes a second or two: Ctrl-C counts from here on
    from examples.grocery.errors import DemoError, RefusalError
    from examples.grocery.report import open_console, show_refusal

    console = open_console()
    try:
        summary = run_demo(RUN_FOLDER, console)
    except DemoError as error:
        if isinstance(error, RefusalError):
            show_refusal(console, error)
        print(f"demo: failed: {error}", file=sys.stderr)
        return 1
    print(summary.line())
    return 0 if summary.dead_letters == 0 else 1


sys.exit(main())
