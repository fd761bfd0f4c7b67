"""``python -m lpnb`` is the same as ``lpnb``."""

import sys

from lpnb.cli import main

sys.exit(main())
