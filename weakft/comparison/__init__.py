"""Methods beside each other: named methods, cells (data x method x seed) that resume, their summary, label curves."""
