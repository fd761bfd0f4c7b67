"""A run, a verification or learned rules as one HTML file: question, rules, pictures, moves, certainty."""
