"""The agent's page: what an agent would see of every conversation, live, in a browser on this machine."""
