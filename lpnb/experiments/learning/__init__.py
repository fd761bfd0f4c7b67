"""Routing rules from few sends: a learner that asks where cases land and explains it by a decision list."""
