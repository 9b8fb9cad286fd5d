"""What people may do: use cases; permission first, then the work."""
