from infra.embedded.cli import app

app(prog_name="python -m infra.embedded")
