"""The control API and the agent side, over HTTP and from Python."""
