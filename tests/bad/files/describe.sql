DESCRIBE classes
