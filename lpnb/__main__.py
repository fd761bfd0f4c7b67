"""``python -m lpnb`` is the same as ``lpnb``."""

import sys

from lpnb.cli.main import run_process

sys.exit(run_process())
