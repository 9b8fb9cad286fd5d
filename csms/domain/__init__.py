"""What charging is: frozen values and sync functions. No I/O, no clock, no task."""
