"""Which ticks of which servo are which command."""
