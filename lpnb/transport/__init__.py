"""HTTP: the sans-I/O protocol, connections, retries and the rate limiter."""
