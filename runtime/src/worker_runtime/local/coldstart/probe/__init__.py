"""What is on the path of a measured process; nobody imports it elsewhere."""
