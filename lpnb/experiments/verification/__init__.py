"""Expected landings compared with actual ones, and the JUnit report."""
