"""Domain values ⇄ messages of control.v1: one pair of functions a type, one file a noun."""
