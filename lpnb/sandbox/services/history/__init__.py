"""The Messaging Interactions API (``msgHist``): history searches."""
