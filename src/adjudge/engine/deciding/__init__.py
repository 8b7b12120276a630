"""The way of a decision once it is open: deciders are asked, steps taken, outcomes settled and told."""
