"""`python -m framecast`: see framecast.cli."""

import sys

from framecast.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
