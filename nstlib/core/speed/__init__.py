"""What is there for speed or memory alone; each file says what it saves and where the plain form stands."""
