"""Generated from proto/control/v1; never edited."""
