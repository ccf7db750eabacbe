"""`python -m framecast`: see framecast.cli."""

import os
import sys

from framecast.cli.main import INTERRUPTED, main

if __name__ == "__main__":
    code = main()
    if code == INTERRUPTED:  # at once: taking torch down can take seconds more where many programs are at work
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
