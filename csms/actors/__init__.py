"""The living part: trio tasks, mailboxes, lifetimes."""
