"""What comes back, and how fast: restores, and catalogues made of the vault alone."""
