"""The imitated account: skills, agents, campaigns, engagements, routing and rules."""
