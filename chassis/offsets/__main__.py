"""`python -m chassis.offsets`."""

from chassis.offsets.cli import app

app(prog_name="python -m chassis.offsets")
