"""What is on disk, and why a kill at any instant is safe."""
