"""`python -m chassis.deadletters`."""

from chassis.deadletters.cli import app

app(prog_name="python -m chassis.deadletters")
