"""What the user declares: frozen values, checked once at the edge."""
