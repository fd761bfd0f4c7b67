"""HTTP below the services: server, TLS, requests, bodies, limits."""
