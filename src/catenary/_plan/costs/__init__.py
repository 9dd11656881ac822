"""What it takes: work, its price, and what no order can go below."""
