"""`cnndsl`: convolutional networks as the tables of their papers, compiled."""
