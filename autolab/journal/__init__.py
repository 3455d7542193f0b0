"""The durable, append-only record of a campaign: one SQLite file, its owner, its readers and what it amounts to."""
