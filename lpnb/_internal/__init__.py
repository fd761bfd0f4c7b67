"""What knows no service: JSON, redaction, display, validation, the event loop."""
