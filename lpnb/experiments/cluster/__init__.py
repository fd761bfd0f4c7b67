"""The same run with its requests leaving from the workers of a Dask cluster.

The driving process keeps everything that matters: cases, journal, client secret, pace, and every decision.
A worker is a pair of hands: it makes one attempt of what it was handed, tells what came of it, and keeps
nothing. What is decided about an answer is not decided here.
"""
