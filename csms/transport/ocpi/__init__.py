"""OCPI 2.2.1 as parties ask for it, and location data for maps: plain HTTP at the stations' port."""
