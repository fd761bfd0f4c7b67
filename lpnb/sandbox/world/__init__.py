"""The account that is played: skills, campaigns, routing, rules."""
