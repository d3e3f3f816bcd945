"""Excel workbooks (.xlsx) as CSV text, read row by row in bounded memory. No value is a guess: a cell that has none is an error."""
