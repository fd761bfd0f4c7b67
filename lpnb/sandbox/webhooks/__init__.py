"""Webhooks out: what happens in a conversation, posted to the connectors that asked to hear of it."""
