"""The Messaging Interactions API (``msgHist``): what became of conversations, seen afterwards."""
