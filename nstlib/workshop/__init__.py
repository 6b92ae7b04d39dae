"""What the project makes itself with: trainings, benchmarks, the gallery; nothing imports it, and no wheel holds it."""
