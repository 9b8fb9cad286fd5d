"""The central system: stations knock on transport, live in actors, and are remembered by storage."""
