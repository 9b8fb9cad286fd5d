"""One file per service; a method is: convert, call one use case, convert."""
