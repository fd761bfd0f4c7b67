"""The explorer's tabs beside Compose: Send & follow, History, Experiment, As code."""
