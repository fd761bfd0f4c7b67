"""Cases: tables, grids and personas, read, checked and built into batches."""
