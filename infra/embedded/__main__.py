import sys
import warnings

# Drivers warn, as early as on import, about what no user of this program can change.
if not sys.warnoptions:
    warnings.simplefilter("ignore")

from infra.embedded.cli import app

app(prog_name="python -m infra.embedded")
