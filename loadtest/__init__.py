"""Thousands of simulated stations; shares no code with the server."""
