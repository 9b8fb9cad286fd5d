"""Where stations knock."""
