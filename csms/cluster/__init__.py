"""More than one node: who holds which station, and the event feed. In-process today."""
