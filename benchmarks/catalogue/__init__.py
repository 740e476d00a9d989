"""What the catalogue costs and how fast it answers, on synthetic trees of any size."""
