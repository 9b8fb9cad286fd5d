"""The portal: a client of control.v1 like any other."""
