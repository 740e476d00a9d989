"""docs/SETTINGS.md: every setting once, made of what the code says of it."""
