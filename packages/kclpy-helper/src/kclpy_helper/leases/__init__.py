"""The leases of an application: what they are, reading them, showing them, and setting their checkpoints."""
