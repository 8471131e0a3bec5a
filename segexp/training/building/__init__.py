"""Objects from a checked config; what a constructor refuses becomes a message with its section's name."""
