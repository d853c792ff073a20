"""What people see in the shell."""
