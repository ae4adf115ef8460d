"""What every program rests on: how values are declared, written and read."""
