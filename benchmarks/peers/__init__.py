"""What other tools take for the same share, on the same services: ``program`` runs one and asks the kernel what it used."""
