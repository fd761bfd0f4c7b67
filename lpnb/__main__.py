"""``python -m lpnb`` is the same as ``lpnb``."""

import sys

from lpnb.cli.main import main

sys.exit(main())
