"""A run whose requests leave from the workers of a Dask cluster.

The driving process keeps cases, journal, client secret and rate limiter, and makes every decision. A worker
makes one attempt at each request that it is given, reports the response, and keeps nothing.
"""

#: How the failure of what a lost worker had begins.
LOSS_PREFIX = "the worker that had it was lost"
