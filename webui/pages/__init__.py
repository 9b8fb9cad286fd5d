"""The pages: one function per page, grouped by what they are about."""
