"""The agent's page: an HTML inbox of the sandbox's conversations, live in a browser on this machine."""
