"""Webhook delivery: conversation events posted to the endpoints of app installations."""
