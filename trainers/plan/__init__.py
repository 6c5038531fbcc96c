"""What a training takes, before it is spent: memory of each GPU, disk, rollouts and hours, by plain arithmetic."""
