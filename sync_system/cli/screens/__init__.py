"""What the commands that show something do and print; imported only when one of them runs."""
