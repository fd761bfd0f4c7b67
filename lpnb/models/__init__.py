"""Values of everything that goes over the wire: requests, responses, SDEs, webhook events."""
