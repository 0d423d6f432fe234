"""`python -m benchmarks.matching`: see `run.py`."""

import sys

from benchmarks.matching.run import main

sys.exit(main())
