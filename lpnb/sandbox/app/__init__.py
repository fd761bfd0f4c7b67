"""The ASGI application: routes, OpenAPI document, 404."""
