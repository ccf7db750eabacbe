"""`python -m framecast`: see framecast.cli."""

import sys

try:
    from framecast.cli.main import INTERRUPTED, main
    from framecast.cli.together import end_at_once, n_processes
except KeyboardInterrupt:  # of somebody who does not wait for the imports
    sys.exit(130)

if __name__ == "__main__":
    code = main()
    if code == INTERRUPTED or n_processes() > 1:
        end_at_once(code)
    sys.exit(code)
