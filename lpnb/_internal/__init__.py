"""Foundations without any service in them: JSON, redaction, display, validation, the event loop."""
