"""Lab procedures: plan stubs in standard bluesky messages, and whole protocols that speak to roles."""
