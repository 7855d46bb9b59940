"""From simulation to hardware: trajectory files and what stands between them and the servos."""
