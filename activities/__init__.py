"""Activities: ticket in, use case, receipt out. Delivered at least once, so each says why running it twice is safe."""
