"""One module per command; each imports what is slow to import only when it runs."""
