"""Values and contracts: numpy and the standard library only."""
