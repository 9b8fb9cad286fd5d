"""A small world to look at: sites, people and three months of charging, told to a server through its public doors."""
