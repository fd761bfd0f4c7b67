"""HTTP: the sans-I/O protocol, the connection pool, retries and the rate limiter."""
