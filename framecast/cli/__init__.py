"""The same work without a browser: `python -m framecast`."""
