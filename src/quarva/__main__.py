"""`python -m quarva`: the command line."""

import sys

from quarva.cli import main

sys.exit(main())
