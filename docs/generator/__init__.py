"""What in the README and in docs/ comes from the code: tables, settings, commands, and the output of commands."""
