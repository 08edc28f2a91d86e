"""What `launchd/package` is made of."""
