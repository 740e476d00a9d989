"""Takes the pictures of docs/USING.md from the pages of a running stack, such as that which ``make demo`` leaves."""
