"""Playing commands on real servos: softly in, on time, looked after, softly out."""
