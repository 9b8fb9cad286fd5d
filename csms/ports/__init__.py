"""What the core needs of the world: Protocol classes, nothing else."""
