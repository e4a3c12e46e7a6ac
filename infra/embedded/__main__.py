import sys
import warnings

# Drivers warn, as early as on import, about what no user of this program can change.
if not sys.warnoptions:
    warnings.simplefilter("ignore")

try:
    # Drivers take a second to import, in which Ctrl-C is as likely as later.
    from infra.embedded.cli import app

    app(prog_name="python -m infra.embedded")
except KeyboardInterrupt:
    sys.stderr.write("interrupted\n")
    sys.exit(130)
