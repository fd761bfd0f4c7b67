"""Routing rules over the wire: learning them from sends, and the reasons for one case."""
