"""Frames, errors and spreads as pictures of 8 bits, and the colours that mean something, for pages and for files alike.

Arrays in, arrays or encoded bytes out: no page and no file is known here. What is drawn is looked at, never scored.
"""
